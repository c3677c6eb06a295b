"""How full is the inbox?"""

import sqlite3
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Counts:
    """How full the inbox is."""

    pending: int
    delivering: int
    dead: int
    oldest: float | None  # Unix, s; when the oldest came that somebody still waits for
    disabled: tuple[str, ...]  # subscribers that said 410
    unknown: Mapping[str, int]  # deliveries of names that are in no configuration


def count(connection: sqlite3.Connection, targets: Mapping[str, str]) -> Counts:
    """Count what waits; `targets` are the subscribers of the configuration.

    What waits for names that are not among them would raise alarms that nobody can end.
    """
    states: Counter[str] = Counter()
    unknown: Counter[str] = Counter()
    for name, state, number in connection.execute(
        "SELECT subscriber, state, count(*) FROM deliveries "
        "WHERE state <> 'delivered' GROUP BY subscriber, state"
    ):
        if name in targets:
            states[state] += number
        else:
            unknown[name] += number
    (oldest,) = connection.execute(
        "SELECT received FROM events WHERE seq = (SELECT min(seq) FROM deliveries "
        "WHERE state IN ('pending', 'delivering') "
        "AND subscriber IN (SELECT value FROM json_each(?)))",
        (orjson.dumps(sorted(targets)).decode(),),
    ).fetchone() or (None,)
    disabled = connection.execute("SELECT subscriber, target FROM disabled ORDER BY 1")
    return Counts(
        pending=states["pending"],
        delivering=states["delivering"],
        dead=states["dead"],
        oldest=oldest,
        disabled=tuple(
            name
            for name, target in disabled
            if name in targets and target in {"", targets[name]}
        ),
        unknown=dict(unknown),
    )
