"""How do idempotency keys go upstream?"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyOptions:
    """Which header carries the key, under which namespace, and how long it is kept."""

    header: Literal["both", "docs", "sdk"] = "both"
    namespace: str = ""  # when set, a caller's key goes upstream as namespace:key
    # of a key that Dinie has forgotten: sent again it would be a second effect
    expired: Literal["refuse", "send"] = "refuse"
    durable: bool = True  # intents and outcomes of POSTs outlive a restart
