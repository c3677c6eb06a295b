"""Parses Vault's responses; every field is checked."""

from dataclasses import dataclass
from typing import Any, Literal

from gateway.core.secret import Secret
from gateway.core.timestamps import unix_of
from gateway.vault import faults
from gateway.vault.faults import Call

Gone = Literal["deleted", "destroyed"]


@dataclass(frozen=True, slots=True)
class Granted:
    """A token and its lease, as a login, a renewal or a lookup returns them."""

    token: Secret
    duration: float  # s; 0: without an end
    renewable: bool
    known: bool = True  # False: the lease is unknown


@dataclass(frozen=True, slots=True)
class Stamp:
    """Names a version of a secret; numbers restart when its metadata is deleted."""

    number: int
    created: str


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """A secret's newest version, with all fields."""

    data: dict[str, Any]  # empty where it is gone
    version: int  # 0: there was never one
    created: float | None = None  # Unix, s, by Vault's clock
    gone: Gone | None = None


def mapping(value: Any, call: Call) -> dict[str, Any]:
    """Return a value that must be a JSON object.

    Raises:
        SecretsUnavailable: it is not; here and below.
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
    """Return a version's stamp.

    Args:
        number: Of the version.
        created: When, as Vault writes it.
        call: For the error.
    """
    if isinstance(number, bool) or not isinstance(number, int):
        raise faults.malformed(call)
    return Stamp(number, str(created))


def fields(data: Any, call: Call) -> dict[str, Secret]:
    """Return the texts of a secret."""
    # Other tools may keep numbers or objects there, which are none of the gateway's.
    return {
        name: Secret(value.strip())
        for name, value in mapping(data, call).items()
        if isinstance(value, str)
    }


def deletion(about: dict[str, Any]) -> Gone | None:
    """Return how a version was removed, by its metadata; None: it is there."""
    if about.get("destroyed"):
        return "destroyed"
    return "deleted" if about.get("deletion_time") else None


def secret_version(data: Any, call: Call) -> SecretVersion:
    """Return a version with all fields."""
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
