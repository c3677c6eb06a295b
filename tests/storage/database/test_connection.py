"""A connection that writes: durable, whole and up to date, or none at all."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gateway.storage.database.connection import BUSY, connect
from gateway.storage.database.migrations import MIGRATIONS


def test_a_connection_is_durable_and_its_tables_are_there(tmp_path: Path) -> None:
    """A 200 is given for what it commits."""
    with closing(connect(tmp_path / "var" / "gateway.db")) as connection:
        found = {
            name: connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
        done = connection.execute("SELECT max(version) FROM migrations").fetchone()[0]

    assert found == {
        "journal_mode": "wal",
        "synchronous": 2,
        "foreign_keys": 1,
        "busy_timeout": BUSY,
    }
    assert done == len(MIGRATIONS)


def test_a_file_that_is_no_database_is_not_held_open(tmp_path: Path) -> None:
    """It is moved aside next: nothing may go on writing into it."""
    path = tmp_path / "gateway.db"
    path.write_bytes(b"this is no database" * 300)

    with pytest.raises(sqlite3.DatabaseError):
        connect(path)

    assert path.read_bytes() == b"this is no database" * 300
