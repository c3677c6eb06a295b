"""How full is the inbox?"""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

_OLDEST: Final = """
SELECT received FROM deliveries CROSS JOIN events USING (seq)
WHERE deliveries.environment = ? AND state = ? AND state <> 'delivered'
AND subscriber = ?
ORDER BY seq LIMIT 1
"""  # as the index says it, or it would not be used


@dataclass(frozen=True, slots=True)
class Counts:
    """How full the inbox is."""

    pending: int
    delivering: int
    dead: int
    oldest: float | None  # Unix, s; when the oldest came that somebody still waits for
    disabled: tuple[str, ...]  # subscribers that said 410
    unknown: Mapping[str, int]  # deliveries of names that are in no configuration


def count(
    connection: sqlite3.Connection, targets: Mapping[str, str], environment: str
) -> Counts:
    """Return what waits, without a look at each delivery.

    Args:
        connection: To read from.
        targets: The subscribers of the configuration. What waits for names that are not
            among them would raise alarms that nobody can end.
        environment: Of the events.
    """
    states: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    waits: list[tuple[str, str]] = []
    for name, state, number in connection.execute(
        "SELECT subscriber, state, number FROM delivery_counts "
        "WHERE environment = ? AND number > 0",
        (environment,),
    ):
        if name in targets:
            states[state] += number
            if state != "dead":
                waits.append((state, name))
        else:
            unknown[name] += number
    oldest = [
        received
        for state, name in waits
        for (received,) in connection.execute(_OLDEST, (environment, state, name))
    ]
    disabled = connection.execute(
        "SELECT DISTINCT subscriber, target FROM disabled "
        "WHERE environment IN ('', ?) ORDER BY 1",
        (environment,),
    )
    return Counts(
        pending=states["pending"],
        delivering=states["delivering"],
        dead=states["dead"],
        oldest=min(oldest, default=None),
        disabled=tuple(
            name
            for name, target in disabled
            if name in targets and target in {"", targets[name]}
        ),
        unknown=dict(unknown),
    )
