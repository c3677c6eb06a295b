"""Settings of callers: names, weights and proofs."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt


@dataclass(frozen=True, slots=True, kw_only=True)
class CallerOptions:
    """One service that calls through a shared gateway."""

    name: str
    weight: Annotated[float, Gt(0)] = 1.0  # of its share of the quota
    token: str | None = None  # the secret field with its bearer, which begins with gw_
    subject: str | None = None  # of its Kubernetes service-account token
    certificate: str | None = None  # the name in its client certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityOptions:
    """How callers are identified; without any, every request is `service`'s."""

    callers: tuple[CallerOptions, ...] = ()
    jwks_file: str | None = None  # public keys that sign service-account tokens
    issuer: str | None = None  # that such a token must name
    audience: str | None = None  # that such a token must be for
