"""Settings of idempotency keys."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyOptions:
    """Which header carries the key, under which namespace, and how long it is kept."""

    header: Literal["both", "docs", "sdk"] = "both"
    namespace: str = ""  # when set, a caller's key goes upstream as namespace:key
    # Whether a key belongs to its caller or to the whole gateway. None: `caller` where
    # identity.callers have proofs.
    scope: Literal["caller", "gateway"] | None = None
    # What to do with a key that Dinie has forgotten: sent, it could take effect again.
    expired: Literal["refuse", "send"] = "refuse"
    durable: bool = True  # intents and outcomes of POSTs outlive a restart
