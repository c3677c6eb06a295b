"""What does an answer of Vault hold? Nothing of it is taken on trust."""

from dataclasses import dataclass
from typing import Any

from gateway.secret import Secret
from gateway.vault import faults
from gateway.vault.faults import Call


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
