"""How do idempotency keys go upstream?"""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class IdempotencyOptions:
    """Which header carries the key, and under which namespace."""

    header: Literal["both", "docs", "sdk"] = "both"
    namespace: str = ""  # when set, a caller's key goes upstream as namespace:key
