"""Loads the configuration of an environment, or reports every fault at once."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.file_names import is_content
from gateway.config.keys import NOT_SET_HERE, is_section, key_of, known_keys
from gateway.config.rules import broken
from gateway.config.schema import ENVIRONMENTS, Config
from gateway.config.sources import Fault, Settings, closest, nest
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
    """A configuration without faults, and the source of each key."""

    config: Config
    sources: Mapping[str, str]
    environment: str
    assumed: bool = False  # DINIE_ENV is not set


def load(
    environment: str | None = None,
    config_dir: str | Path | None = None,
    env: Mapping[str, str] | None = None,
    overrides: Sequence[str] = (),
) -> Loaded:
    """Return the configuration of an environment.

    Args:
        environment: By default `DINIE_ENV`, else `local`.
        config_dir: Folder of the files; by default the first one that exists.
        env: Environment variables; by default the process's own.
        overrides: `section.key=value`, which win over files and variables.

    Raises:
        ConfigError: With every fault that was found.
    """
    env = os.environ if env is None else env
    if unfilled := list(empty(env)):
        raise ConfigError(unfilled)
    assumed = environment is None and "DINIE_ENV" not in env
    environment = environment or env.get("DINIE_ENV", "local")
    if environment not in ENVIRONMENTS:
        message = f"must be one of {', '.join(ENVIRONMENTS)}"
        raise ConfigError([Fault("DINIE_ENV", message, "environment variable")])
    settings = _read(environment, config_dir, env, overrides)
    config, faults = _validate(settings, environment)
    variables = [*misspelt(env, known_keys()), *written_twice(env)]
    faults = settings.faults + variables + faults
    if faults or config is None:
        raise ConfigError(faults)
    return Loaded(config, settings.sources, environment, assumed)


def folder_of(config_dir: str | Path | None, env: Mapping[str, str]) -> Path:
    """Return the folder whose files are read."""
    if config_dir is not None:
        return Path(config_dir)
    if env.get("GATEWAY_CONFIG_DIR"):
        return Path(env["GATEWAY_CONFIG_DIR"])
    for name in _SEARCHED:
        if (Path(name) / "base.yaml").is_file():
            return Path(name)
    return _PACKAGED if _PACKAGED.is_dir() else _CHECKOUT


def _read(
    environment: str,
    config_dir: str | Path | None,
    env: Mapping[str, str],
    overrides: Sequence[str],
) -> Settings:
    settings = Settings()
    folder = folder_of(config_dir, env)
    own = folder in {_PACKAGED, _CHECKOUT}
    for name in ("base", environment):
        file = folder / f"{name}.yaml"
        # The path of files inside the package would only distract.
        settings.add_file(file, label=f"config/{name}.yaml" if own else str(file))
    # Vault's own variables set what no file sets.
    for variable, key in _VAULT_VARIABLES.items():
        if env.get(variable) and settings.values.get(key) is None:
            settings.add(key, env[variable], f"environment variable {variable}")
    settings.add_environment(env)
    settings.add_overrides(overrides)
    if settings.values.get("secrets.vault.path") in (None, ""):
        settings.add("secrets.vault.path", f"dinie/{environment}", "DINIE_ENV")
    if settings.values.get("storage.sqlite_path") is None:
        settings.add("storage.sqlite_path", default_path(environment), "DINIE_ENV")
    return settings


def _validate(
    settings: Settings, environment: str
) -> tuple[Config | None, list[Fault]]:
    """Return the configuration, and the faults of single keys and of rules."""
    found = {
        key: message
        for key, value in settings.values.items()
        if (message := _fault_of(key, value)) is not None
    }
    good = {key: value for key, value in settings.values.items() if key not in found}
    config, wrong = _build(good, environment)
    faults = [*found.items(), *wrong.items()]
    faulty = {key for key, _ in faults}
    if config is None:
        # The rules are checked on what is left: all faults at once.
        good = {key: value for key, value in good.items() if key not in faulty}
        config, _ = _build({"upstream.base_url": _ANYWHERE} | good, environment)
    if config is not None:
        faults += broken(config, faulty)
    return config, [Fault(key, text, settings.source_of(key)) for key, text in faults]


def _fault_of(key: str, value: Any) -> str | None:
    """Return what is wrong with a setting before the schema sees it."""
    kind = known_keys().get(key)
    if kind is None:
        return _unknown(key)
    if kind == "number" and isinstance(value, bool):
        return "must be a number, not true or false"
    if kind == "number" and isinstance(value, str):
        return "must be a number"
    if key.endswith("_file") and isinstance(value, str) and is_content(value):
        return "must be the name of a file, and is the content of one"
    return None


def _unknown(key: str) -> str:
    if key == NOT_SET_HERE:
        return "is set by DINIE_ENV only"
    if is_section(key):
        return "is a section, not a key"
    above = key.rpartition(".")[0]
    if above in known_keys():
        return f"{above} is not a section"
    return "is no known key" + closest(key, list(known_keys()))


def _build(
    flat: Mapping[str, Any], environment: str
) -> tuple[Config | None, dict[str, str]]:
    """Return the configuration, or what is wrong with which key."""
    try:
        values = {"upstream": {}, **nest(flat), NOT_SET_HERE: environment}
        return Config.model_validate(values), {}
    except ValidationError as error:
        # Without the input, which may be a secret in the wrong place.
        details = error.errors(
            include_url=False, include_context=False, include_input=False
        )
        return None, {_place(detail): _message(detail) for detail in details}


def _place(detail: Any) -> str:
    key = key_of(detail["loc"])
    # A validator of a whole section begins its message with the key.
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
        # Its name is left out: it may be a secret in the wrong place.
        return f"{_inside(detail, place, without=1)}has a key that is not known"
    else:
        message = detail["msg"].removeprefix("Value error, ")
        message = message.removeprefix(f"{place.rpartition('.')[2]}: ")
    word, _, rest = message.partition(" ")
    message = rest if word == place else message
    return _inside(detail, place) + message


def _inside(detail: Any, place: str, *, without: int = 0) -> str:
    """Return the place of a fault inside a list, such as `[0].url: `; else nothing."""
    inner = detail["loc"][len(place.split(".")) :]
    inner = inner[: len(inner) - without]
    if not inner or not isinstance(inner[0], int):
        return ""
    text = "".join(f"[{one}]" if isinstance(one, int) else f".{one}" for one in inner)
    return f"{text}: "
