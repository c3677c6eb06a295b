"""When does the gateway stop asking an upstream that fails?"""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOptions:
    """The circuit breaker."""

    enabled: bool = True
    window: Annotated[float, Gt(0)] = 30.0  # s looked back on, in 10 slices
    min_calls: Annotated[int, Ge(1)] = 20  # in the window, before the ratio counts
    failure_ratio: Annotated[float, Gt(0), Le(1)] = 0.5
    open_for: Annotated[float, Gt(0)] = 15.0  # s +/- 20 %; doubles to 120
