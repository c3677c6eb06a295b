"""Settings of deadlines: a request, an attempt, and its steps."""

from dataclasses import dataclass
from typing import Annotated

from annotated_types import Gt


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadlineOptions:
    """Time budgets, s."""

    total: Annotated[float, Gt(0)] = 25.0  # s; the JS SDK gives up at 30
    maximum: Annotated[float, Gt(0)] = 55.0  # s; uploads get all of it
    attempt: Annotated[float, Gt(0)] = 15.0  # s; one attempt, head and body
    connect: Annotated[float, Gt(0)] = 3.0  # s
    first_byte: Annotated[float, Gt(0)] = 10.0  # s; from the send to a head
