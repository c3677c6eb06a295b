"""The schema, as a list of migrations. Append only: a released one never changes."""

import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

_INBOX: Final = """
CREATE TABLE events (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  environment TEXT NOT NULL,
  endpoint TEXT NOT NULL,
  webhook_id TEXT NOT NULL,
  event_type TEXT NOT NULL,
  entity TEXT NOT NULL,
  status TEXT NOT NULL,
  received REAL NOT NULL,
  digest BLOB NOT NULL,
  body BLOB NOT NULL,
  content_type TEXT NOT NULL,
  content_encoding TEXT NOT NULL,
  timestamp TEXT NOT NULL,
  signature TEXT NOT NULL,
  synthetic INTEGER NOT NULL,
  UNIQUE (environment, endpoint, webhook_id)
) STRICT;
CREATE INDEX events_received ON events (received);
CREATE INDEX events_entity ON events (entity, seq) WHERE entity <> '';

CREATE TABLE deliveries (
  seq INTEGER NOT NULL REFERENCES events (seq) ON DELETE CASCADE,
  subscriber TEXT NOT NULL,
  state TEXT NOT NULL CHECK (state IN ('pending', 'delivering', 'delivered', 'dead')),
  due REAL NOT NULL,
  wait REAL NOT NULL DEFAULT 0,
  owner TEXT NOT NULL DEFAULT '',
  tries INTEGER NOT NULL DEFAULT 0,
  entity TEXT NOT NULL,
  last_status INTEGER,
  last_error TEXT NOT NULL DEFAULT '',
  settled REAL,
  PRIMARY KEY (seq, subscriber)
) STRICT, WITHOUT ROWID;
CREATE INDEX deliveries_due ON deliveries (subscriber, due)
  WHERE state IN ('pending', 'delivering');
CREATE INDEX deliveries_lane ON deliveries (subscriber, entity, seq)
  WHERE state IN ('pending', 'delivering');
CREATE INDEX deliveries_state ON deliveries (state, seq)
  WHERE state <> 'delivered';

CREATE TABLE disabled (
  subscriber TEXT PRIMARY KEY,
  since REAL NOT NULL
) STRICT;
"""

_LEDGER: Final = """
CREATE TABLE ledger (
  environment TEXT NOT NULL,
  key TEXT NOT NULL,
  fingerprint TEXT NOT NULL,
  route TEXT NOT NULL,
  request_id TEXT NOT NULL,
  state TEXT NOT NULL CHECK (
    state IN ('in_flight', 'answered', 'unknown', 'dropped')
  ),
  created REAL NOT NULL,
  changed REAL NOT NULL,
  status INTEGER NOT NULL DEFAULT 0,
  minted INTEGER NOT NULL,
  PRIMARY KEY (environment, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_unknown ON ledger (created) WHERE state = 'unknown';
"""

_ENTITIES: Final = """
CREATE TABLE entities (
  environment TEXT NOT NULL,
  entity TEXT NOT NULL,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  happened REAL NOT NULL,
  received REAL NOT NULL,
  PRIMARY KEY (environment, entity)
) STRICT, WITHOUT ROWID;
CREATE INDEX entities_received ON entities (received);
INSERT INTO entities
  SELECT environment, entity,
    substr(event_type, 1, instr(event_type || '.', '.') - 1), status, received, received
  FROM events WHERE seq IN (
    SELECT max(seq) FROM events WHERE entity <> '' AND status <> ''
    GROUP BY environment, entity
  );
ALTER TABLE disabled ADD COLUMN target TEXT NOT NULL DEFAULT '';
"""

_NEWEST: Final = """
ALTER TABLE ledger ADD COLUMN upstream TEXT NOT NULL DEFAULT '';
CREATE INDEX ledger_newest ON ledger (environment, created);
"""

# Triggers count deliveries as they change: the numbers are right whichever process
# writes, and reading them costs no scan of a million rows. Delivered ones are not
# counted. Deliveries are deleted before their event, whose environment is needed.
_COUNTS: Final = """
CREATE TABLE delivery_counts (
  environment TEXT NOT NULL,
  subscriber TEXT NOT NULL,
  state TEXT NOT NULL,
  number INTEGER NOT NULL,
  PRIMARY KEY (environment, subscriber, state)
) STRICT, WITHOUT ROWID;
INSERT INTO delivery_counts
  SELECT environment, subscriber, state, count(*)
  FROM deliveries JOIN events USING (seq) WHERE state <> 'delivered' GROUP BY 1, 2, 3;

CREATE TRIGGER delivery_begins AFTER INSERT ON deliveries
WHEN NEW.state <> 'delivered' BEGIN
  INSERT INTO delivery_counts
  SELECT environment, NEW.subscriber, NEW.state, 1 FROM events WHERE seq = NEW.seq
  ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER delivery_changes AFTER UPDATE OF state, subscriber ON deliveries
WHEN NEW.state <> OLD.state OR NEW.subscriber <> OLD.subscriber BEGIN
  UPDATE delivery_counts SET number = number - 1
  WHERE subscriber = OLD.subscriber AND state = OLD.state
  AND environment = (SELECT environment FROM events WHERE seq = OLD.seq);
  INSERT INTO delivery_counts
  SELECT environment, NEW.subscriber, NEW.state, 1 FROM events
  WHERE seq = NEW.seq AND NEW.state <> 'delivered'
  ON CONFLICT DO UPDATE SET number = number + 1;
END;
CREATE TRIGGER delivery_ends AFTER DELETE ON deliveries
WHEN OLD.state <> 'delivered' BEGIN
  UPDATE delivery_counts SET number = number - 1
  WHERE subscriber = OLD.subscriber AND state = OLD.state
  AND environment = (SELECT environment FROM events WHERE seq = OLD.seq);
END;
CREATE TRIGGER event_ends BEFORE DELETE ON events BEGIN
  DELETE FROM deliveries WHERE seq = OLD.seq;
END;

DROP INDEX deliveries_state;
CREATE INDEX deliveries_kept ON deliveries (state, subscriber, seq)
  WHERE state <> 'delivered';
"""

# Gateways of different environments may share a file, and each works on its own rows
# only. A 410 of before has no environment, and so holds in all of them.
_ENVIRONMENTS: Final = """
ALTER TABLE deliveries ADD COLUMN environment TEXT NOT NULL DEFAULT '';
UPDATE deliveries SET environment = (
  SELECT environment FROM events WHERE events.seq = deliveries.seq
);
DROP INDEX deliveries_due;
DROP INDEX deliveries_lane;
DROP INDEX deliveries_kept;
CREATE INDEX deliveries_due ON deliveries (environment, subscriber, due)
  WHERE state IN ('pending', 'delivering');
CREATE INDEX deliveries_lane ON deliveries (environment, subscriber, entity, seq)
  WHERE state IN ('pending', 'delivering');
CREATE INDEX deliveries_kept ON deliveries (environment, state, subscriber, seq)
  WHERE state <> 'delivered';
ALTER TABLE disabled RENAME TO disabled_everywhere;
CREATE TABLE disabled (
  environment TEXT NOT NULL DEFAULT '',
  subscriber TEXT NOT NULL,
  since REAL NOT NULL,
  target TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (environment, subscriber)
) STRICT;
INSERT INTO disabled (subscriber, since, target)
  SELECT subscriber, since, target FROM disabled_everywhere;
DROP TABLE disabled_everywhere;
"""

# In a rolling update an older gateway may still store deliveries, without their
# environment, and no query would find them.
_OLDER_WRITERS: Final = """
UPDATE deliveries SET environment = (
  SELECT environment FROM events WHERE events.seq = deliveries.seq
) WHERE environment = '';
CREATE TRIGGER delivery_of_older_writer AFTER INSERT ON deliveries
WHEN NEW.environment = '' BEGIN
  UPDATE deliveries SET environment = (
    SELECT environment FROM events WHERE events.seq = NEW.seq
  ) WHERE seq = NEW.seq AND subscriber = NEW.subscriber;
END;
"""

MIGRATIONS: Final = (
    _INBOX,
    _LEDGER,
    _ENTITIES,
    _NEWEST,
    _COUNTS,
    _ENVIRONMENTS,
    _OLDER_WRITERS,
)


class NewerSchema(Exception):  # noqa: N818 - named for what happened
    """A newer gateway wrote the file; this one must not touch it."""


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the tables up to date, all or nothing.

    Raises:
        NewerSchema: they are newer than this gateway.
    """
    connection.execute("BEGIN IMMEDIATE")
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (version INTEGER PRIMARY KEY) STRICT"
        )
        done = _done(connection)
        for version, script in enumerate(MIGRATIONS[done:], start=done + 1):
            for statement in _statements(script):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?)", (version,))
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have done so itself
            connection.execute("ROLLBACK")
        raise


def _statements(script: str) -> Iterator[str]:
    """Yield each statement; a trigger has semicolons of its own."""
    statement = ""
    for part in script.split(";")[:-1]:
        statement += f"{part};"
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


def _done(connection: sqlite3.Connection) -> int:
    row = connection.execute("SELECT max(version) FROM migrations").fetchone()
    done: int = row[0] or 0
    if done > len(MIGRATIONS):
        raise NewerSchema(
            "storage.sqlite_path: a newer gateway wrote this file: run that one, or "
            "choose another file"
        )
    return done
