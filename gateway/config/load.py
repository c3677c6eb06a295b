"""How does a configuration come about, and what is wrong with it?"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.checks import RULES
from gateway.config.file_names import is_content
from gateway.config.keys import NOT_SET_HERE, is_section, key_of, known_keys
from gateway.config.schema import ENVIRONMENTS, Config
from gateway.config.tree import Fault, Layers, closest, flatten, nest
from gateway.config.variables import empty, misspelt, written_twice
from gateway.storage.database.files import default_path

_SEARCHED = ("config", "/etc/dinie-gateway")
_PACKAGED = Path(__file__).parent / "defaults"  # inside the wheel
_CHECKOUT = Path(__file__).parents[2] / "config"  # an editable install
_ANYWHERE = "http://localhost"  # stands in for a base URL that is itself at fault
_VAULT_VARIABLES = {
    "VAULT_ADDR": "secrets.vault.address",
    "VAULT_NAMESPACE": "secrets.vault.namespace",
    "VAULT_CACERT": "secrets.vault.ca_file",
}


class ConfigError(Exception):
    """The configuration is faulty; the text lists every fault, one a line."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = tuple(faults)
        count = len(self.faults)
        head = "1 fault" if count == 1 else f"{count} faults"
        lines = "\n".join(f"  {fault}" for fault in self.faults)
        super().__init__(f"the configuration has {head}:\n{lines}")


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration without faults, and where each key came from."""

    config: Config
    sources: Mapping[str, str]
    environment: str
    assumed: bool = False  # nothing chose the environment


def load(
    environment: str | None = None,
    config_dir: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> Loaded:
    """Return the configuration of an environment.

    Args:
        environment: By default `DINIE_ENV`, else `local`.
        config_dir: Where the files are; by default the first folder that there is.
        env: Environment variables; by default the process's own.
        overrides: `section.key=value`, which win over everything.

    Raises:
        ConfigError: with every fault that was found.
    """
    env = os.environ if env is None else env
    if unfilled := list(empty(env)):
        raise ConfigError(unfilled)
    assumed = environment is None and "DINIE_ENV" not in env
    environment = environment or env.get("DINIE_ENV", "local")
    if environment not in ENVIRONMENTS:
        message = f"must be one of {', '.join(ENVIRONMENTS)}"
        raise ConfigError([Fault("DINIE_ENV", message, "environment variable")])
    layers = _layers(environment, config_dir, env, overrides)
    config, faults = _validate(layers, environment)
    variables = [*misspelt(env, known_keys()), *written_twice(env)]
    faults = layers.faults + variables + faults
    if faults or config is None:
        raise ConfigError(faults)
    return Loaded(config, dict(layers.sources), environment, assumed)


def folder_of(config_dir: str | Path | None, env: Mapping[str, str]) -> Path:
    """Return the folder whose files count."""
    if config_dir is not None:
        return Path(config_dir)
    if env.get("GATEWAY_CONFIG_DIR"):
        return Path(env["GATEWAY_CONFIG_DIR"])
    for name in _SEARCHED:
        if (Path(name) / "base.yaml").is_file():
            return Path(name)
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def _layers(
    environment: str,
    config_dir: str | Path | None,
    env: Mapping[str, str],
    overrides: Sequence[str],
) -> Layers:
    layers = Layers(is_text=lambda key: known_keys().get(key) == "text")
    folder = folder_of(config_dir, env)
    own = folder in {_PACKAGED, _CHECKOUT}
    for name in ("base", environment):
        file = folder / f"{name}.yaml"
        # Where the gateway brings its files along, their folder is nobody's business.
        layers.add_file(file, label=f"config/{name}.yaml" if own else str(file))
    # Vault's own variables fill what nothing else has set.
    for variable, key in _VAULT_VARIABLES.items():
        if env.get(variable) and layers.get(key) is None:
            layers.add(key, env[variable], f"environment variable {variable}")
    layers.add_environment(env)
    layers.add_overrides(overrides)
    if layers.get("secrets.vault.path") in (None, "", {}):
        layers.add("secrets.vault.path", f"dinie/{environment}", "DINIE_ENV")
    if layers.get("storage.sqlite_path") is None:
        layers.add("storage.sqlite_path", default_path(environment), "DINIE_ENV")
    return layers


def _validate(layers: Layers, environment: str) -> tuple[Config | None, list[Fault]]:
    """Return the configuration, and every fault of single keys and of rules."""
    flat, faults = _known(layers)
    config, wrong = _build(flat, environment)
    faults += [Fault(key, text, layers.source_of(key)) for key, text in wrong.items()]
    bad = {fault.key for fault in faults}
    if config is None:
        # What is left is still compared: all faults at once.
        flat = {key: value for key, value in flat.items() if key not in bad}
        config, _ = _build({"upstream.base_url": _ANYWHERE} | flat, environment)
    if config is not None:
        faults += _broken_rules(config, bad, layers)
    return config, faults


def _broken_rules(config: Config, bad: set[str], layers: Layers) -> list[Fault]:
    """Return the faults between keys that are in order by themselves."""
    said = (
        (keys[0], None if bad.intersection(keys) else rule(config))
        for keys, rule in RULES
    )
    return [Fault(key, text, layers.source_of(key)) for key, text in said if text]


def _known(layers: Layers) -> tuple[dict[str, Any], list[Fault]]:
    """Return the values of keys that there are, and the faults of the others."""
    flat: dict[str, Any] = {}
    faults = []
    for key, value in flatten(layers.values):
        kind = known_keys().get(key)
        message = None
        if kind is None:
            message = _unknown(key, value)
        elif kind == "number" and isinstance(value, bool):
            message = "must be a number, not true or false"
        elif kind == "number" and isinstance(value, str):
            message = "must be a number"
        elif key.endswith("_file") and isinstance(value, str) and is_content(value):
            message = "must be the name of a file, and is what one holds"
        else:
            flat[key] = value
        if message:
            faults.append(Fault(key, message, layers.source_of(key)))
    return flat, faults


def _unknown(key: str, value: Any) -> str | None:
    if key == NOT_SET_HERE:
        return "is set by DINIE_ENV only"
    if is_section(key):
        return None if value in (None, {}) else "is a section, not a key"
    return "is no known key" + closest(key, list(known_keys()))


def _build(
    flat: Mapping[str, Any], environment: str
) -> tuple[Config | None, dict[str, str]]:
    """Return the configuration, or what is wrong with which key."""
    try:
        values = {"upstream": {}, **nest(flat), NOT_SET_HERE: environment}
        return Config.model_validate(values), {}
    except ValidationError as error:
        # The input stays out of it: it may be a secret in the wrong place.
        details = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        return None, {_place(detail): _message(detail) for detail in details}


def _place(detail: Any) -> str:
    key = key_of(detail["loc"])
    # A rule of a whole section names its key in front.
    word = detail["msg"].removeprefix("Value error, ").split(":")[0].split(" ")[0]
    return next((k for k in (word, f"{key}.{word}") if k in known_keys()), key)


def _message(detail: Any) -> str:
    kind, place = detail["type"], _place(detail)
    if kind in {"missing", "missing_argument"}:
        message = "is needed"
    elif kind == "tuple_type":
        message = "must be a list (as JSON in a variable or --set)"
    elif kind == "too_short":
        message = "must not be empty"
    elif kind == "unexpected_keyword_argument":
        # Not named: it may be a secret in the wrong place.
        return f"{_inside(detail, place, without=1)}has a key that is not known"
    else:
        message = detail["msg"].removeprefix("Value error, ")
        message = message.removeprefix(f"{place.rpartition('.')[2]}: ")
    word, _, rest = message.partition(" ")
    message = rest if word == place else message
    return _inside(detail, place) + message


def _inside(detail: Any, place: str, *, without: int = 0) -> str:
    """Return where inside a list a fault is: `[0].url: `; empty for a plain key."""
    inner = detail["loc"][len(place.split(".")) :]
    inner = inner[: len(inner) - without]
    if not inner or not isinstance(inner[0], int):
        return ""
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in inner)
    return f"{text}: "
