"""Groups jobs that share one transaction, and completes their callers."""

import asyncio
import queue
import sqlite3
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

Job = Callable[[sqlite3.Connection], Any]
_MOST_IN_COMMIT: Final = 256


@dataclass(slots=True)
class Work:
    """One job, and the future of its caller."""

    job: Job | None  # None: the caller was cancelled
    done: asyncio.Future[Any]


def gather(
    waiting: "queue.SimpleQueue[Work | None]", first: Work
) -> tuple[list[Work], bool]:
    """Return the jobs of one commit, and whether the queue ends after them."""
    batch = [first]
    with suppress(queue.Empty):
        while len(batch) < _MOST_IN_COMMIT:
            more = waiting.get_nowait()
            if more is None:
                return batch, True
            batch.append(more)
    return batch, False


def run(connection: sqlite3.Connection, job: Job) -> Any:
    """Return a job's result, or its error with its own changes undone."""
    connection.execute("SAVEPOINT job")
    try:
        result = job(connection)
    except sqlite3.IntegrityError as error:
        result = error
    except (sqlite3.Error, MemoryError):
        raise  # a fault of the disk or the file: the whole transaction is lost
    except Exception as error:  # noqa: BLE001 - a fault of one job: the others go on
        result = error
    if isinstance(result, Exception):
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return result


def deliver(finished: Iterable[tuple[Work, Any]]) -> None:
    """Give each caller its result or its error."""
    for work, result in finished:
        if work.done.done():
            continue  # the caller was cancelled
        if isinstance(result, Exception):
            work.done.set_exception(result)
        else:
            work.done.set_result(result)
