"""Rows of what arrived: each id once, the first body kept."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from gateway.storage.database.migrations import migrate
from gateway.storage.inbox.arrivals import insert
from tests.inbox.scene import arrival

SCOPE = "local", "/webhooks/dinie"


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as made:
        migrate(made)
        yield made


def test_an_id_is_kept_once(connection: sqlite3.Connection) -> None:
    """Dinie sends at least once; another body under the same id is an alarm."""
    stored = [
        insert(connection, SCOPE, arrival("e1")),
        insert(connection, SCOPE, arrival("e1")),
        insert(connection, SCOPE, arrival("e1", body=b"{}")),
        insert(connection, ("sandbox", "/webhooks/dinie"), arrival("e1")),
    ]

    assert [one for one, _ in stored] == [
        "accepted",
        "duplicate",
        "conflict",
        "accepted",
    ]
    seqs = [seq for (seq,) in connection.execute("SELECT seq FROM events")]
    assert seqs == [stored[0][1], stored[3][1]]
