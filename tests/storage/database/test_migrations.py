"""Migrations: once each, all or nothing, and never backwards."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from gateway.storage.database import migrations
from gateway.storage.database.migrations import NewerSchema, migrate


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        yield made


def tables(connection: sqlite3.Connection) -> set[str]:
    query = "SELECT name FROM sqlite_master WHERE type = 'table'"
    return {name for (name,) in connection.execute(query)}


def test_an_empty_file_gets_every_table(connection: sqlite3.Connection) -> None:
    """And a second look changes nothing."""
    migrate(connection)
    migrate(connection)

    assert {"events", "deliveries", "disabled", "migrations"} <= tables(connection)
    found = connection.execute("SELECT version FROM migrations").fetchall()
    assert found == [(n + 1,) for n in range(len(migrations.MIGRATIONS))]


def test_only_what_is_new_is_done(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An upgrade keeps what is there."""
    migrate(connection)
    connection.execute("INSERT INTO disabled VALUES ('local', 'a', 1.0, '')")
    further = (*migrations.MIGRATIONS, "CREATE TABLE further (one TEXT);")
    monkeypatch.setattr(migrations, "MIGRATIONS", further)

    migrate(connection)

    assert "further" in tables(connection)
    found = connection.execute("SELECT * FROM disabled").fetchall()
    assert found == [("local", "a", 1.0, "")]


def test_a_migration_that_fails_leaves_nothing_behind(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of a change is worse than none."""
    broken = (*migrations.MIGRATIONS, "CREATE TABLE half (one TEXT); NONSENSE;")
    monkeypatch.setattr(migrations, "MIGRATIONS", broken)

    with pytest.raises(sqlite3.Error):
        migrate(connection)

    assert tables(connection) == set()


def test_a_newer_file_is_left_alone(connection: sqlite3.Connection) -> None:
    """A rollback of the gateway must not damage what the newer one wrote."""
    migrate(connection)
    connection.execute("INSERT INTO migrations VALUES (99)")

    with pytest.raises(NewerSchema, match="newer gateway"):
        migrate(connection)


def test_deliveries_of_an_older_file_are_counted(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits when the gateway is upgraded is in its numbers at once."""
    with monkeypatch.context() as before:
        before.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:4])
        migrate(connection)
    connection.execute(
        "INSERT INTO events VALUES (1, 'local', '/', 'e', 't', '', '', 1.0, x'00', "
        "x'00', '', '', '', '', 0)"
    )
    for name, state in (("a", "pending"), ("b", "dead"), ("c", "delivered")):
        connection.execute(
            "INSERT INTO deliveries (seq, subscriber, state, due, entity) "
            "VALUES (1, ?, ?, 0.0, '')",
            (name, state),
        )

    migrate(connection)
    connection.execute("UPDATE deliveries SET state = 'pending'")

    found = connection.execute("SELECT * FROM delivery_counts ORDER BY 2, 3").fetchall()
    assert found == [
        ("local", "a", "pending", 1),
        ("local", "b", "dead", 0),
        ("local", "b", "pending", 1),
        ("local", "c", "pending", 1),
    ]


def test_deliveries_of_before_get_the_environment_of_their_event(
    connection: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever waited for them before the upgrade waits for them still."""
    every = migrations.MIGRATIONS
    monkeypatch.setattr(migrations, "MIGRATIONS", every[:4])
    migrate(connection)
    for seq, environment in ((1, "sandbox"), (2, "production")):
        connection.execute(
            "INSERT INTO events VALUES (?, ?, '', ?, '', '', '', 1.0, x'', x'', '', "
            "'', '', '', 0)",
            (seq, environment, f"evt_{seq}"),
        )
        connection.execute(
            "INSERT INTO deliveries (seq, subscriber, state, due, entity) "
            "VALUES (?, 'a', 'pending', 1.0, '')",
            (seq,),
        )
    connection.execute("INSERT INTO disabled VALUES ('a', 1.0, 'url')")
    monkeypatch.setattr(migrations, "MIGRATIONS", every)

    migrate(connection)

    found = connection.execute(
        "SELECT seq, environment, state FROM deliveries ORDER BY seq"
    ).fetchall()
    disabled = connection.execute("SELECT * FROM disabled").fetchall()
    assert found == [(1, "sandbox", "pending"), (2, "production", "pending")]
    assert disabled == [("", "a", 1.0, "url")]


def test_deliveries_of_an_older_gateway_that_still_writes_have_an_environment(
    connection: sqlite3.Connection,
) -> None:
    """In a rolling update it takes webhooks in, and may end before it delivers them."""
    migrate(connection)
    connection.execute(
        "INSERT INTO events VALUES (1, 'sandbox', '', 'e', '', '', '', 1.0, x'', x'', "
        "'', '', '', '', 0)"
    )

    connection.execute(
        "INSERT INTO deliveries (seq, subscriber, state, due, entity) "
        "VALUES (1, 'a', 'pending', 1.0, '')"
    )

    found = connection.execute("SELECT environment, state FROM deliveries").fetchall()
    counted = connection.execute("SELECT * FROM delivery_counts").fetchall()
    assert found == [("sandbox", "pending")]
    assert counted == [("sandbox", "a", "pending", 1)]
