"""Options of the retry: attempts, backoff and the retry budget."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, Gt


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryOptions:
    """Attempts, backoff and the retry budget."""

    attempts: Annotated[int, Ge(1)] = 4  # in total, the first included
    base: Annotated[float, Gt(0)] = 0.5  # s; ceiling of the first wait
    cap: Annotated[float, Gt(0)] = (
        8.0  # s; ceiling of a backoff; a wait that Dinie asks for may be longer
    )
    budget_ratio: Annotated[float, Ge(0)] = 0.2  # retries earned by a first attempt
    budget_floor: Annotated[float, Ge(0)] = 1.0  # retries per second, whatever the load
    budget_burst: Annotated[float, Ge(0)] = 10.0  # retries
