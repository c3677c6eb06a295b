"""Jobs that share one transaction, and the callers that wait for them."""

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
    """One job and its caller."""

    job: Job | None  # None: nobody waits any more
    done: asyncio.Future[Any]


def gather(
    waiting: "queue.SimpleQueue[Work | None]", first: Work
) -> tuple[list[Work], bool]:
    """Return what goes into one commit, and whether nothing comes after it."""
    batch = [first]
    with suppress(queue.Empty):
        while len(batch) < _MOST_IN_COMMIT:
            more = waiting.get_nowait()
            if more is None:
                return batch, True
            batch.append(more)
    return batch, False


def run(connection: sqlite3.Connection, job: Job) -> Any:
    """Return a job's result or its error, its own changes undone."""
    connection.execute("SAVEPOINT job")
    try:
        result = job(connection)
    except sqlite3.IntegrityError as error:
        result = error
    except (sqlite3.Error, MemoryError):
        raise  # of the disk or the file: the whole transaction is lost
    except Exception as error:  # noqa: BLE001 - of one job: its neighbours go on
        result = error
    if isinstance(result, Exception):
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return result


def tell(answers: Iterable[tuple[Work, Any]]) -> None:
    """Give each caller its result or its error."""
    for work, result in answers:
        if work.done.done():
            continue  # nobody waits any more
        if isinstance(result, Exception):
            work.done.set_exception(result)
        else:
            work.done.set_result(result)
