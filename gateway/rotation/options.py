"""When is a credential replaced, and how slowly?"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class RotationOptions:
    """All but the share in s."""

    interval: Annotated[float, Gt(0)] = 7_776_000.0  # 90 days; longest life
    early: Annotated[float, Ge(0)] = 1_209_600.0  # 14 days; begun so long before
    canary: Annotated[float, Ge(0)] = 600.0  # a share of GETs uses the new one first
    canary_share: Annotated[float, Ge(0), Le(1)] = 0.01
    soak: Annotated[float, Ge(0)] = 86_400.0  # above a token's life of an hour
    idle: Annotated[float, Ge(0)] = 7200.0  # the old one was not used for so long
    lock_ttl: Annotated[float, Gt(0), Le(2_592_000)] = 300.0
