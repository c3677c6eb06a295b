"""Options of the circuit breaker."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt, Le

from gateway.core.circuit import CircuitRules

LONGEST = 120.0  # s


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerOptions:
    """When calls to Dinie are stopped because too many fail, and for how long."""

    enabled: bool = True
    window: Annotated[float, Gt(0)] = 30.0  # s looked back on, in 10 slices
    min_calls: Annotated[int, Ge(1)] = 20  # in the window, before the ratio counts
    failure_ratio: Annotated[float, Gt(0), Le(1)] = 0.5
    open_for: Annotated[float, Gt(0)] = 15.0  # s +/- 20 %; doubles to 120

    def rules(self, *, longest: float = LONGEST) -> CircuitRules:
        """Return the rules of a circuit that stays open for `longest` s at most."""
        return CircuitRules(
            window=self.window,
            min_calls=self.min_calls,
            failure_ratio=self.failure_ratio,
            open_for=self.open_for,
            longest=longest,
        )
