"""The port of all secrets providers, and what they return."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from gateway.core.secret import Secret
from gateway.core.timestamps import unix_of

Reason = Literal[
    "unreachable",
    "sealed",
    "standby",
    "throttled",
    "permission",
    "not_found",
    "missing_field",
    "timeout",
    "malformed",
    "conflict",
    "login",
]


Verdict = Literal["good", "refused", "unknown"]  # on a credential that was proven


@dataclass(frozen=True, slots=True)
class SecretSet:
    """The secrets of one read.

    `version` changes when, and only when, the content does, and reveals nothing of it.
    """

    client_id: Secret
    client_secret: Secret
    fields: Mapping[str, Secret]
    version: str

    def __repr__(self) -> str:
        return f"SecretSet(version={self.version!r}, fields={sorted(self.fields)})"


def moment(held: SecretSet, name: str) -> float | None:
    """Return a moment (Unix, s) among the fields; None: it is absent or unreadable."""
    text = held.fields[name].reveal() if name in held.fields else ""
    try:
        return unix_of(float(text))
    except ValueError:
        return unix_of(text)  # it may be written as ISO 8601


class SecretsUnavailable(Exception):  # noqa: N818 - named for what happened
    """The secrets cannot be read now.

    Attributes:
        reason: From a closed set.
        detail: A safe sentence that says what to do.
    """

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class SecretsProvider(Protocol):
    """Reads the secrets of this environment."""

    @property
    def name(self) -> str:
        """Return `env`, `file` or `vault`."""

    @property
    def max_interval(self) -> float:
        """Return the longest span, s, until it must be read again."""

    @property
    def expires_in(self) -> float | None:
        """Return the s until its access ends, unless it is renewed; None: never."""

    @property
    def warning(self) -> str | None:
        """Return what failed beside the last successful read; None: nothing."""

    async def read(self) -> SecretSet:
        """Read the secrets now.

        Raises:
            SecretsUnavailable: they cannot be had.
        """

    async def close(self) -> None:
        """Release what the provider holds."""


def required(fields: Mapping[str, Secret], *, where: str, version: str) -> SecretSet:
    """Return the set of some fields.

    Args:
        fields: As read.
        where: The place that was read, for the error.
        version: Of the set.

    Raises:
        SecretsUnavailable: `client_id` or `client_secret` is missing or empty.
    """
    missing = [name for name in ("client_id", "client_secret") if not fields.get(name)]
    if missing:
        raise SecretsUnavailable(
            "missing_field", f"{where} lacks {' and '.join(missing)}: put it there"
        )
    return SecretSet(fields["client_id"], fields["client_secret"], fields, version)
