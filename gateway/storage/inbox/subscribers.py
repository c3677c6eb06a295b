"""Jobs of the database for an operator's changes to all deliveries of a subscriber.

There may be a million deliveries: each job does one step, and others write in between.
"""

import sqlite3
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
STEP: Final = 1000  # deliveries of one transaction
_SOONER: Final = """
UPDATE deliveries SET due = :now, wait = 0
WHERE subscriber = :subscriber AND seq IN (
  SELECT seq FROM deliveries WHERE environment = :environment
  AND subscriber = :subscriber AND state IN ('pending', 'delivering')
  AND state = 'pending' AND due > :now ORDER BY due LIMIT :most
)
"""
_DROP: Final = """
DELETE FROM deliveries WHERE subscriber = :subscriber AND seq IN (
  SELECT seq FROM deliveries WHERE environment = :environment
  AND state IN ('pending', 'dead') AND state <> 'delivered'
  AND subscriber = :subscriber LIMIT :most
)
"""
_RANGE: Final = """
SELECT max(seq), count(*) FROM (
  SELECT seq FROM deliveries WHERE seq > ? ORDER BY seq LIMIT ?
)
"""
_RENAME: Final = """
UPDATE OR IGNORE deliveries SET subscriber = :new, owner = '',
  due = CASE state WHEN 'delivering' THEN 0 ELSE due END,
  state = CASE state WHEN 'delivering' THEN 'pending' ELSE state END
WHERE seq > :after AND seq <= :until AND environment = :environment
AND subscriber = :old
"""
_FORGET: Final = """
DELETE FROM deliveries WHERE seq > :after AND seq <= :until
AND environment = :environment AND subscriber = :old
"""
_RIGHT: Final = """
UPDATE deliveries SET due = :now + wait WHERE seq > :after AND seq <= :until
AND environment = :environment AND state IN ('pending', 'delivering')
AND due > :now + wait
"""


def enable(environment: str, subscriber: str) -> Job[bool]:
    """Return a job that undoes a subscriber's 410; its result: whether one was."""
    return lambda connection: (
        connection.execute(
            "DELETE FROM disabled WHERE environment IN ('', ?) AND subscriber = ?",
            (environment, subscriber),
        ).rowcount
        > 0
    )


def make_due(environment: str, subscriber: str, *, now: float) -> Job[int]:
    """Return a job that makes waiting deliveries due now; its result: how many.

    Args:
        environment: Of the deliveries.
        subscriber: Its name.
        now: Unix, s.
    """
    asked = {
        "environment": environment,
        "subscriber": subscriber,
        "now": now,
        "most": STEP,
    }
    return lambda connection: connection.execute(_SOONER, asked).rowcount


def drop(environment: str, subscriber: str) -> Job[int]:
    """Return a job that removes what waits or failed; its result: how many."""
    asked = {"environment": environment, "subscriber": subscriber, "most": STEP}
    return lambda connection: connection.execute(_DROP, asked).rowcount


def rename(
    environment: str, *, old: str, new: str, after: int
) -> Job[tuple[int, int | None]]:
    """Return a job that moves some of one name's deliveries to another.

    Args:
        environment: Of the deliveries.
        old: The name that is no longer configured.
        new: The name that gets them.
        after: The seq where the last step ended.

    Returns:
        A job; its result: how many, and the seq where it ended (None: at the end).
    """

    def job(connection: sqlite3.Connection) -> tuple[int, int | None]:
        until, more = _end_of_step(connection, after)
        asked = {
            "environment": environment,
            "old": old,
            "new": new,
            "after": after,
            "until": until,
        }
        moved = connection.execute(_RENAME, asked).rowcount
        connection.execute(_FORGET, asked)
        return moved, until if more else None

    return job


def limit_due(
    environment: str, *, now: float, after: int
) -> Job[tuple[int, int | None]]:
    """Return a job that brings due times into reach after the clock was set back.

    Args:
        environment: Of the deliveries.
        now: Unix, s.
        after: The seq where the last step ended.

    Returns:
        A job; its result: how many, and the seq where it ended (None: at the end).
    """

    def job(connection: sqlite3.Connection) -> tuple[int, int | None]:
        until, more = _end_of_step(connection, after)
        asked = {
            "environment": environment,
            "now": now,
            "after": after,
            "until": until,
        }
        moved = connection.execute(_RIGHT, asked).rowcount
        return moved, until if more else None

    return job


def _end_of_step(connection: sqlite3.Connection, after: int) -> tuple[int, bool]:
    """Return the seq where a step ends, and whether there may be more."""
    until, count = connection.execute(_RANGE, (after, STEP)).fetchone()
    return (after, False) if until is None else (until, count == STEP)
