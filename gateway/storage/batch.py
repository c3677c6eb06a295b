"""Jobs that share one transaction, and the callers that wait for them."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

Job = Callable[[sqlite3.Connection], Any]


@dataclass(slots=True)
class Work:
    """One job and its caller."""

    job: Job | None  # None: nobody waits any more
    done: asyncio.Future[Any]


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
