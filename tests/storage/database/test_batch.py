"""Jobs of one transaction: each fails by itself, each caller gets its own result."""

import asyncio
import sqlite3
from contextlib import closing

from gateway.storage.database.batch import Work, deliver, run


def failing(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO t VALUES (1)")
    raise LookupError("no")


def test_a_job_that_fails_leaves_nothing_behind() -> None:
    """Its neighbours are committed; half of it would be worse than none."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute("CREATE TABLE t (n)")
        connection.execute("BEGIN")
        failed = run(connection, failing)
        run(connection, lambda c: c.execute("INSERT INTO t VALUES (2)"))
        connection.execute("COMMIT")
        left = connection.execute("SELECT n FROM t").fetchall()

    assert isinstance(failed, LookupError)
    assert left == [(2,)]


async def test_each_caller_gets_its_own_result() -> None:
    """One that has gone is passed over."""
    loop = asyncio.get_running_loop()
    good, bad, gone = (Work(None, loop.create_future()) for _ in range(3))
    gone.done.cancel()

    deliver([(gone, 0), (good, 1), (bad, LookupError("no"))])

    assert good.done.result() == 1
    assert isinstance(bad.done.exception(), LookupError)
