"""Reads responses of Vault; nothing of them is taken on trust."""

from dataclasses import dataclass
from typing import Any, Literal

from gateway.core.secret import Secret
from gateway.core.timestamps import unix_of
from gateway.vault import faults
from gateway.vault.faults import Call

Gone = Literal["deleted", "destroyed"]


@dataclass(frozen=True, slots=True)
class Granted:
    """What a login, a renewal or a look at a token tells."""

    token: Secret
    duration: float  # s; 0: no end is known
    renewable: bool
    known: bool = True  # False: Vault did not say how long it lives


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which version of a secret; numbers start again when its metadata is deleted."""

    number: int
    created: str


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """All of a secret's newest version."""

    data: dict[str, Any]  # empty where it is gone
    version: int  # 0: nothing was ever there
    created: float | None = None  # Unix, s, by Vault's clock
    gone: Gone | None = None


def mapping(value: Any, call: Call) -> dict[str, Any]:
    """Return a JSON object that must be one.

    Raises:
        SecretsUnavailable: it is none, here and below.
    """
    if not isinstance(value, dict):
        raise faults.malformed(call)
    return value


def seconds(value: Any, call: Call) -> float:
    """Return a span, s."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise faults.malformed(call)
    return float(value)


def granted(auth: Any, call: Call) -> Granted:
    """Return the token of a login or a renewal."""
    found = mapping(auth, call)
    token = found.get("client_token")
    if not isinstance(token, str) or not token:
        raise faults.malformed(call)
    return Granted(
        Secret(token),
        seconds(found.get("lease_duration"), call),
        found.get("renewable") is True,
    )


def stamp(number: Any, created: Any, call: Call) -> Stamp:
    """Return which version of a secret it is."""
    if isinstance(number, bool) or not isinstance(number, int):
        raise faults.malformed(call)
    return Stamp(number, str(created))


def fields(data: Any, call: Call) -> dict[str, Secret]:
    """Return the texts of a secret."""
    # Other tools may keep numbers or objects beside ours: they are not secrets of ours.
    return {
        name: Secret(value.strip())
        for name, value in mapping(data, call).items()
        if isinstance(value, str)
    }


def deletion(about: dict[str, Any]) -> Gone | None:
    """Return how a version was lost, by its metadata; None: it is there."""
    if about.get("destroyed"):
        return "destroyed"
    return "deleted" if about.get("deletion_time") else None


def secret_version(data: Any, call: Call) -> SecretVersion:
    """Return all of a version."""
    found = mapping(data, call)
    about = mapping(found.get("metadata"), call)
    version = about.get("version")
    if isinstance(version, bool) or not isinstance(version, int):
        raise faults.malformed(call)
    gone = deletion(about)
    held = found.get("data")  # null where it is gone
    return SecretVersion(
        {} if held is None else dict(mapping(held, call)),
        version,
        unix_of(about.get("created_time")),
        gone,
    )
