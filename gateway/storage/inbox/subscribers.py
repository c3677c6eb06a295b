"""What an operator does with all deliveries of a subscriber: jobs for the database.

There may be a million of them: each job does a step, and others write in between.
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


def enabling(environment: str, subscriber: str) -> Job[bool]:
    """Take back that a subscriber said 410; had it?"""
    return lambda connection: (
        connection.execute(
            "DELETE FROM disabled WHERE environment IN ('', ?) AND subscriber = ?",
            (environment, subscriber),
        ).rowcount
        > 0
    )


def hastening(environment: str, subscriber: str, *, now: float) -> Job[int]:
    """Have some of what waits for a subscriber due now; how many?

    Args:
        environment: Whose.
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


def dropping(environment: str, subscriber: str) -> Job[int]:
    """Give up some of what waits for a name, or failed; how many deliveries?"""
    asked = {"environment": environment, "subscriber": subscriber, "most": STEP}
    return lambda connection: connection.execute(_DROP, asked).rowcount


def renaming(
    environment: str, *, old: str, new: str, after: int
) -> Job[tuple[int, int | None]]:
    """Give some of one name's deliveries to another; how many did that not have?

    Args:
        environment: Whose.
        old: The name that is in no configuration any more.
        new: The name that gets them.
        after: The seq where the last step ended.

    Returns:
        A job; its result has the seq where it ended, too; None: at the end.
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


def righting(
    environment: str, *, now: float, after: int
) -> Job[tuple[int, int | None]]:
    """Bring some moments into reach after the clock was set back; how many?

    Args:
        environment: Whose.
        now: Unix, s.
        after: The seq where the last step ended.

    Returns:
        A job; its result has the seq where it ended, too; None: at the end.
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
