"""Settings of the learned quota."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Lt


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimitOptions:
    """The learned rate limit."""

    enabled: bool = True
    max_wait: Annotated[float, Ge(0)] = 2.0  # s a request may be held for a permit
    # part of the limit reserved for priority routes, rounded up to whole requests
    reserve: Annotated[float, Ge(0), Lt(1)] = 0.05
    # whether responses to a caller's own bearer count against the quota and update it
    session_tokens: Literal["apart", "shared"] = "apart"
