"""What an operator does with all deliveries of a subscriber: jobs for the database."""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]


def enabling(environment: str, subscriber: str, *, now: float) -> Job[bool]:
    """Deliver again to a subscriber that said 410; had it?

    Args:
        environment: Whose.
        subscriber: Its name.
        now: Unix, s; when what waits is due.
    """

    def job(connection: sqlite3.Connection) -> bool:
        enabled = connection.execute(
            "DELETE FROM disabled WHERE environment IN ('', ?) AND subscriber = ?",
            (environment, subscriber),
        )
        connection.execute(
            "UPDATE deliveries SET due = ?, wait = 0 "
            "WHERE environment = ? AND subscriber = ? AND state = 'pending' "
            "AND due > ?",
            (now, environment, subscriber, now),
        )
        return enabled.rowcount > 0

    return job


def dropping(environment: str, subscriber: str) -> Job[int]:
    """Give up what waits for a name, or failed; how many deliveries?"""
    return lambda connection: (
        connection.execute(
            "DELETE FROM deliveries WHERE environment = ? AND subscriber = ? "
            "AND state IN ('pending', 'dead')",
            (environment, subscriber),
        ).rowcount
    )


def renaming(environment: str, *, old: str, new: str) -> Job[int]:
    """Give one name's deliveries to another; how many did that not have?

    Args:
        environment: Whose.
        old: The name that is in no configuration any more.
        new: The name that gets them.
    """

    def job(connection: sqlite3.Connection) -> int:
        moved = connection.execute(
            "UPDATE OR IGNORE deliveries SET subscriber = ?, owner = '', "
            "due = CASE state WHEN 'delivering' THEN 0 ELSE due END, "
            "state = CASE state WHEN 'delivering' THEN 'pending' ELSE state END "
            "WHERE environment = ? AND subscriber = ?",
            (new, environment, old),
        ).rowcount
        connection.execute(
            "DELETE FROM deliveries WHERE environment = ? AND subscriber = ?",
            (environment, old),
        )
        return moved

    return job
