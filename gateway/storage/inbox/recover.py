"""Brings what can be read of a damaged file into another database, row by row.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, Final

from gateway.storage.database.batch import Job
from gateway.storage.database.database import Database
from gateway.storage.inbox import entities

# By name: the file may come from any version.
_EVENT: Final = (
    *("environment", "endpoint", "webhook_id", "event_type", "entity", "status"),
    *("received", "digest", "body", "content_type", "content_encoding"),
    *("timestamp", "signature", "synthetic"),
)
_DELIVERY: Final = (
    *("subscriber", "state", "due", "wait", "tries", "entity"),
    *("last_status", "last_error", "settled"),
)
_AT_ONCE: Final = 200  # events of one commit
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024
_GAP: Final = 10_000  # rows that are tried one by one after a page that cannot be read


@dataclass(frozen=True, slots=True)
class Recovered:
    """The result of a recovery."""

    read: int  # events
    brought: int  # of those, new ones
    whole: bool  # whether everything could be read


async def recover(
    database: Database, path: str, *, on_progress: Callable[[int], Any]
) -> Recovered:
    """Bring events and their deliveries into another database.

    What is there already stays as it is; a delivery that was made is not repeated.

    Args:
        database: Receives them.
        path: Of the damaged file.
        on_progress: Takes how many events were read so far.

    Raises:
        DatabaseUnavailable: the other database cannot be written.
    """
    await database.write(lambda connection: connection.execute("SELECT 1"))
    read = brought = size = 0
    whole = True
    jobs: list[Job] = []
    with closing(sqlite3.connect(path)) as damaged:
        damaged.row_factory = sqlite3.Row
        for event in _rows(damaged):
            if event is None:
                whole = False
                continue
            deliveries, readable = _deliveries(damaged, event["seq"])
            whole &= readable
            read += 1
            jobs.append(_bring(dict(event), deliveries))
            size += len(event["body"])
            if len(jobs) >= _AT_ONCE or size >= _BYTES_AT_ONCE:
                came, good = await _write(database, jobs)
                brought, whole, size = brought + came, whole and good, 0
                jobs.clear()
                on_progress(read)
    came, good = await _write(database, jobs)
    on_progress(read)
    return Recovered(read, brought + came, whole and good)


async def _write(database: Database, jobs: list[Job]) -> tuple[int, bool]:
    """Run jobs in one commit; return how many events were new, and if all are valid."""
    done = await asyncio.gather(
        *(database.write(job, soon=False) for job in jobs[:-1]),
        *(database.write(job) for job in jobs[-1:]),
        return_exceptions=True,
    )
    came, good = 0, True
    for one in done:
        if isinstance(one, sqlite3.IntegrityError):
            good = False  # it can be read, but was never written so
        elif isinstance(one, BaseException):
            raise one
        else:
            came += one
    return came, good


def _rows(damaged: sqlite3.Connection) -> Iterator[sqlite3.Row | None]:
    """Yield events; None once for what cannot be read."""
    last = 0
    failures = 0
    while failures < _GAP:
        columns = ", ".join(("seq", *_EVENT))
        query = f"SELECT {columns} FROM events WHERE seq > ? ORDER BY seq"  # noqa: S608
        try:
            for row in damaged.execute(query, (last,)):
                last, failures = row["seq"], 0
                yield row
            return
        except sqlite3.Error:
            if not failures:
                yield None
            failures += 1
            last += 1  # step over what is torn


def _deliveries(
    damaged: sqlite3.Connection, seq: int
) -> tuple[list[dict[str, Any]], bool]:
    with suppress(sqlite3.Error):
        query = f"SELECT {', '.join(_DELIVERY)} FROM deliveries WHERE seq = ?"  # noqa: S608
        return [dict(row) for row in damaged.execute(query, (seq,))], True
    return [], False


def _bring(
    event: dict[str, Any], deliveries: list[dict[str, Any]]
) -> Callable[[sqlite3.Connection], int]:
    def job(connection: sqlite3.Connection) -> int:
        done = connection.execute(
            f"INSERT INTO events ({', '.join(_EVENT)}) "  # noqa: S608 - our own names
            f"VALUES ({', '.join('?' * len(_EVENT))}) "
            "ON CONFLICT (environment, endpoint, webhook_id) DO NOTHING",
            [event[name] for name in _EVENT],
        )
        if done.rowcount != 1:
            return 0
        entities.record(connection, event["environment"], event)
        for one in deliveries:
            if one["state"] == "delivering":
                one["state"] = "pending"  # its lease is not of this database
            connection.execute(
                f"INSERT INTO deliveries (seq, environment, {', '.join(_DELIVERY)}) "  # noqa: S608
                f"VALUES (?, ?, {', '.join('?' * len(_DELIVERY))})",
                [
                    done.lastrowid,
                    event["environment"],
                    *(one[name] for name in _DELIVERY),
                ],
            )
        return 1

    return job
