"""How does a configuration come about, and what is wrong with it?"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from gateway.config.schema import ENVIRONMENTS, Config
from gateway.config.tree import Fault, Layers, closest, flatten
from gateway.secrets.guard import check_target

_SEARCHED = ("config", "/etc/dinie-gateway")
_PACKAGED = Path(__file__).parent / "defaults"  # inside the wheel
_CHECKOUT = Path(__file__).parents[2] / "config"  # an editable install
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
    environment = environment or env.get("DINIE_ENV") or "local"
    if environment not in ENVIRONMENTS:
        message = f"must be one of {', '.join(ENVIRONMENTS)}"
        raise ConfigError([Fault("DINIE_ENV", message, "environment variable")])
    layers = _layers(environment, config_dir, env, overrides)
    config, faults = _validate(layers, environment)
    faults = layers.faults + faults + _disagreements(layers, environment)
    if faults or config is None:
        raise ConfigError(faults)
    return Loaded(config, dict(layers.sources), environment)


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
    layers = Layers()
    folder = folder_of(config_dir, env)
    for name in ("base", environment):
        layers.add_file(folder / f"{name}.yaml", label=f"config/{name}.yaml")
    # Vault's own variables fill what nothing else has set.
    for variable, key in _VAULT_VARIABLES.items():
        section = layers.values.get("secrets", {}).get("vault", {})
        if env.get(variable) and section.get(key.rpartition(".")[2]) is None:
            layers.add(key, env[variable], f"environment variable {variable}")
    layers.add_environment(env)
    layers.add_overrides(overrides)
    if not layers.values.get("secrets", {}).get("vault", {}).get("path"):
        layers.add("secrets.vault.path", f"dinie/{environment}", "DINIE_ENV")
    return layers


def _validate(layers: Layers, environment: str) -> tuple[Config | None, list[Fault]]:
    faults = [
        Fault(key, "must be a number, not true or false", layers.source_of(key))
        for key, value in flatten(layers.values)
        if isinstance(value, bool) and not _takes_flag(key)
    ]
    if "environment" in layers.values:
        source = layers.source_of("environment")
        faults.append(Fault("environment", "is set by DINIE_ENV only", source))
    try:
        config = Config.model_validate({**layers.values, "environment": environment})
    except ValidationError as error:
        return None, faults + [
            _fault(detail, layers) for detail in error.errors(include_url=False)
        ]
    return config, faults


def _disagreements(layers: Layers, environment: str) -> list[Fault]:
    """Return what the guard finds, also where other things are wrong."""
    upstream = layers.values.get("upstream")
    secrets = layers.values.get("secrets")
    base_url = upstream.get("base_url") if isinstance(upstream, dict) else None
    if not isinstance(base_url, str):
        return []
    path = None
    if isinstance(secrets, dict) and secrets.get("provider") == "vault":
        path = str(secrets.get("vault", {}).get("path"))
    return [
        Fault("environment", text, layers.source_of("upstream.base_url"))
        for text in check_target(environment, base_url, path)
    ]


def _takes_flag(key: str) -> bool:
    return key.endswith(".enabled") or key.startswith("listen.") or "." not in key


def _fault(detail: Any, layers: Layers) -> Fault:
    # pydantic names the chosen type inside the path too; keys are what users know.
    known = known_keys()
    parts = [str(part) for part in detail["loc"]]
    key = ".".join(part for part in parts if not part[:1].isupper())
    message = detail["msg"].removeprefix("Value error, ")
    if detail["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        message = "is no known key" + closest(key, known)
    elif detail["type"] in {"missing", "missing_argument"}:
        message = "is needed"
    return Fault(key or "configuration", message, layers.source_of(key) if key else "")


def known_keys() -> list[str]:
    """Return every key there is, dotted."""
    blank = Config.model_validate(
        {
            "environment": "local",
            "upstream": {"base_url": "http://localhost"},
            "secrets": {"provider": "env"},
        }
    )
    dumped = blank.model_dump()
    del dumped["environment"]
    return [key for key, _ in flatten(dumped)]
