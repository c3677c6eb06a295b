"""Jobs on all deliveries of a subscriber."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from gateway.storage.database.migrations import migrate
from gateway.storage.inbox import subscribers


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        migrate(made)
        for number, name, state in (
            (1, "old", "delivered"),
            (2, "old", "delivering"),
            (2, "new", "pending"),
            (3, "old", "dead"),
        ):
            made.execute(
                "INSERT INTO deliveries (seq, environment, subscriber, state, due, "
                "entity) VALUES (?, 'local', ?, ?, 9.0, '')",
                (number, name, state),
            )
        yield made


def states(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
    return connection.execute(
        "SELECT seq, subscriber, state FROM deliveries ORDER BY 1, 2"
    ).fetchall()


def test_a_new_name_keeps_what_it_had(connection: sqlite3.Connection) -> None:
    """What the other has of the same event is given up: one delivery is enough."""
    job = subscribers.rename("local", old="old", new="new", after=0)

    assert job(connection) == (2, None)
    assert states(connection) == [
        (1, "new", "delivered"),
        (2, "new", "pending"),
        (3, "new", "dead"),
    ]


def test_what_is_under_way_is_not_dropped(connection: sqlite3.Connection) -> None:
    """And what was delivered stays: the id is known."""
    dropped = subscribers.drop("local", "old")(connection)

    assert dropped == 1
    assert states(connection) == [
        (1, "old", "delivered"),
        (2, "new", "pending"),
        (2, "old", "delivering"),
    ]


def test_a_subscriber_that_is_enabled_gets_what_waits_at_once(
    connection: sqlite3.Connection,
) -> None:
    """It was away for hours: the schedule says tomorrow."""
    connection.execute("INSERT INTO disabled (subscriber, since) VALUES ('new', 1.0)")

    had = subscribers.enable("local", "new")(connection)
    again = subscribers.enable("local", "new")(connection)
    hastened = subscribers.make_due("local", "new", now=5.0)(connection)

    (due,) = connection.execute(
        "SELECT due FROM deliveries WHERE subscriber = 'new'"
    ).fetchone()
    assert (had, again, hastened, due) == (True, False, 1, 5.0)


def test_a_million_go_in_steps(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A transaction of seconds keeps Dinie's webhooks out for as long."""
    monkeypatch.setattr(subscribers, "STEP", 2)
    for seq in range(10, 15):
        connection.execute(
            "INSERT INTO deliveries (seq, environment, subscriber, state, due, wait, "
            "entity) VALUES (?, 'local', 'x', 'pending', 99.0, 3.0, '')",
            (seq,),
        )

    after: int | None = 0
    righted = list[int]()
    while after is not None:
        step = subscribers.limit_due("local", now=5.0, after=after)
        count, after = step(connection)
        righted.append(count)
    hastened = [
        subscribers.make_due("local", "x", now=5.0)(connection) for _ in range(4)
    ]
    renamed = subscribers.rename("local", old="x", new="y", after=11)(connection)
    dropped = [subscribers.drop("local", "x")(connection) for _ in range(3)]

    assert (sum(righted), max(righted)) == (5 + 2, 2)
    assert hastened == [2, 2, 1, 0]
    assert renamed == (2, 13)
    assert dropped == [2, 1, 0]
