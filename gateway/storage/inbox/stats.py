"""Counts what waits in the inbox."""

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
    """How full the inbox is, without deliveries that were made."""

    pending: int
    delivering: int
    dead: int
    oldest: float | None  # Unix, s; when the oldest was received that is not delivered
    disabled: tuple[str, ...]  # subscribers that responded with 410
    unknown: Mapping[str, int]  # deliveries of names that are not configured


def count(
    connection: sqlite3.Connection, targets: Mapping[str, str], environment: str
) -> Counts:
    """Count what waits, without reading each delivery.

    Args:
        connection: To read from.
        targets: Of the configured subscribers. What waits for other names is counted
            apart: it would raise alarms that nothing can end.
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
