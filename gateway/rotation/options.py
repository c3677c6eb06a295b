"""Options of credential rotation."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationOptions:
    """When a credential is replaced, and how long each phase lasts; s but the share."""

    interval: Annotated[float, Gt(0)] = (
        7_776_000.0  # 90 days; the longest life of a credential
    )
    early: Annotated[float, Ge(0)] = (
        1_209_600.0  # 14 days; a rotation begins so long before its end
    )
    canary: Annotated[float, Ge(0)] = (
        600.0  # gateways send a share of GETs with the new one
    )
    canary_share: Annotated[float, Ge(0), Le(1)] = 0.01
    soak: Annotated[float, Ge(0)] = (
        86_400.0  # the old one stays valid; more than a token's life
    )
    idle: Annotated[float, Ge(0)] = (
        7200.0  # since the old one's last use, before it is revoked
    )
    lock_ttl: Annotated[float, Gt(0), Le(2_592_000)] = 300.0  # after each write
