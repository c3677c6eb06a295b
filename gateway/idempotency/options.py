"""Settings of idempotency keys."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyOptions:
    """Which header carries the key, under which namespace, and how long it is kept."""

    header: Literal["both", "docs", "sdk"] = "both"
    namespace: str = ""  # when set, a caller's key goes upstream as namespace:key
    # Whose keys are the same key: each caller's are its own, or they are the whole
    # gateway's. None: `caller` where identity.callers have proofs.
    scope: Literal["caller", "gateway"] | None = None
    # of a key that Dinie has forgotten: sent again it would be a second effect
    expired: Literal["refuse", "send"] = "refuse"
    durable: bool = True  # intents and outcomes of POSTs outlive a restart
