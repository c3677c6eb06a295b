"""The ledger in SQLite: which POSTs were begun, and what became of them.

The intent is appended to a file before the first byte goes out, the outcome soon after
the answer; twice a second both are folded into the database.
Where the disk does not take it, requests go on: Dinie's own memory keeps a repeat away.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import chain, count
from operator import methodcaller
from typing import Any, Final

from gateway.clock import Clock
from gateway.idempotency.ports import Intent, Record, Records
from gateway.storage.intents import IntentLog, Row
from gateway.storage.sqlite import Database, DatabaseUnavailable

_AWAY: Final = 1.0  # s in which a disk that failed is not asked
_KEPT: Final = 604_800.0  # s; 7 days
_DROPPED: Final = 60.0  # s
REMEMBERED: Final = 86_400.0  # s; as long as Dinie remembers a key
_FOLD: Final = 0.5  # s
_LOOK: Final = 10  # folds between looks at what is unknown
_TIDY_EVERY: Final = 600.0  # s; it looks at every row
_SOON: Final = 0.02  # s until an outcome is written that no intent takes along
_STEP: Final = 1000  # rows tidied at a time
# Many rows as one statement: each gives up the interpreter. A dropped key begins anew.
_WRITE: Final = """
INSERT INTO ledger (environment, key, fingerprint, route, request_id, state, created,
  changed, status, minted)
VALUES {rows}
ON CONFLICT (environment, key) DO UPDATE
SET state = excluded.state, changed = excluded.changed, status = excluded.status,
  request_id = iif(excluded.request_id = '', request_id, excluded.request_id),
  fingerprint = iif(fingerprint = '' OR state = 'dropped', excluded.fingerprint,
    fingerprint),
  created = iif(state = 'dropped' OR excluded.created > created + 604800,
    excluded.created, created)
"""
_ROW: Final = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_MOST: Final = 512  # rows of one statement
_MOST_WAITING: Final = 50_000  # rows


@cache
def _statement(rows: int) -> str:
    return _WRITE.format(rows=", ".join([_ROW] * rows))


@dataclass(frozen=True, slots=True)
class Unknown:
    """A POST whose outcome nobody knows."""

    key: str
    route: str
    request_id: str
    created: float  # Unix, s


class SqliteLedger:
    """Implements `Journal`."""

    def __init__(
        self,
        database: Database,
        *,
        environment: str,
        clock: Clock,
        on_failure: Callable[[str], Any],
        on_unknown: Callable[[int, float], Any] = lambda *_: None,
    ) -> None:
        """Wire it.

        Args:
            database: Where the table is.
            environment: Keys are Dinie's there.
            clock: Real or fake.
            on_failure: Takes why something could not be written.
            on_unknown: Takes how many are unknown and the age of the oldest, s.
        """
        self._database = database
        self._environment = environment
        self._clock = clock
        self._on_failure = on_failure
        self._on_unknown = on_unknown
        self._away_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._log = IntentLog(database.path)
        self._unwritten: list[Row] = []  # outcomes that nobody waits for
        self._rows: list[Row] = []  # appended, and not folded yet
        self._timer: asyncio.TimerHandle | None = None
        self._tidy_at = clock.now()
        self.loaded = False  # whether what was known before is back

    async def begin(self, intent: Intent) -> None:
        """Have an intent where a kill does not undo it, if the disk takes it."""
        if self._clock.now() < self._away_until:
            return
        told = intent.route, intent.request_id, "in_flight"
        self._gather(intent.key, intent.fingerprint, told, minted=intent.minted)
        self._append()

    def end(
        self, key: str, outcome: str, *, status: int, fingerprint: bytes = b""
    ) -> None:
        """Note what became of it, soon."""
        self._gather(key, fingerprint, ("", "", outcome), status)
        self._soon()

    def forget(self, key: str) -> None:
        """Drop an intent: nothing was sent under it, or nobody will ask for it."""
        self._gather(key, b"", ("", "", "dropped"))
        self._soon()

    def _gather(
        self,
        key: str,
        fingerprint: bytes,
        told: tuple[str, str, str],
        status: int = 0,
        *,
        minted: bool = False,
    ) -> None:
        now, named = self._clock.unix(), fingerprint.hex()
        self._unwritten.append(
            (self._environment, key, named, *told, now, now, status, int(minted))
        )

    def _soon(self) -> None:
        """Have outcomes appended with the next intent, or by themselves soon."""
        if self._timer is None:
            self._timer = self._loop.call_later(_SOON, self._append)

    def _append(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        rows, self._unwritten = self._unwritten, []
        if len(self._rows) > _MOST_WAITING:
            self._away("too many wait for the database")
            return
        self._rows += rows
        try:
            self._log.append(rows)
        except OSError as error:
            self._away(f"{error.strerror}: intents cannot be written")

    async def fold(self) -> None:
        """Bring what was appended into the database.

        Raises:
            DatabaseUnavailable: it is tried again; nothing is lost.
        """
        if self._unwritten:
            self._append()
        if not self._rows:
            return
        rows, self._rows = self._rows, []
        try:
            self._log.rotate()
            await self._write(rows)
        except BaseException as error:
            self._rows = rows + self._rows  # also where a drain cuts this short
            if isinstance(error, OSError):
                raise DatabaseUnavailable(str(error)) from None
            raise
        self._log.folded()

    async def _write(self, rows: list[Row]) -> None:
        for begin in range(0, len(rows), _MOST):
            part = rows[begin : begin + _MOST]
            statement, values = _statement(len(part)), list(chain.from_iterable(part))
            await self._database.write(methodcaller("execute", statement, values))

    def close(self) -> None:
        """Let go of the file."""
        if self._timer is not None:
            self._timer.cancel()
        self._log.close()

    async def load(self, records: Records) -> int:
        """Bring back what was known before a restart; return how many are unknown.

        What was under way then is unknown now.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        try:
            await self._write(self._log.left())
            self._log.forget()
        except OSError as error:
            raise DatabaseUnavailable(
                f"{self._database.path}.intents: {error.strerror}"
            ) from None
        now = self._clock.unix()
        since = now - _KEPT

        def job(connection: sqlite3.Connection) -> tuple[list[Any], int]:
            lost = connection.execute(
                "UPDATE ledger SET state = 'unknown' "
                "WHERE environment = ? AND state = 'in_flight'",
                (self._environment,),
            ).rowcount
            found = connection.execute(
                "SELECT key, fingerprint, created, state FROM ledger "
                "WHERE environment = ? AND created > ? AND fingerprint <> '' "
                "AND state <> 'dropped' "
                "ORDER BY created",
                (self._environment, since),
            )
            return found.fetchall(), lost

        found, lost = await self._database.write(job)
        self.loaded = True
        mono = self._clock.now()
        for key, fingerprint, created, state in found:
            if records.get(key, now=mono) is None:
                record = Record(
                    bytes.fromhex(fingerprint), mono - (now - created), outcome=state
                )
                records.put(key, record, now=mono)
        return lost

    async def run(self, records: Records, on_loaded: Callable[[int], Any]) -> None:
        """Load once the file can be used; then fold, tidy and count for ever."""
        for number in count():
            try:
                if not self.loaded:
                    on_loaded(await self.load(records))
                await self.fold()
                if number % _LOOK == 0:
                    await self._tidy()
                    found = await self.unknown()
                    oldest = self._clock.unix() - found[0].created if found else 0.0
                    self._on_unknown(len(found), oldest)
            except DatabaseUnavailable as error:
                self._on_failure(str(error))  # what was appended stays
            await self._clock.sleep(_FOLD)

    async def unknown(self) -> list[Unknown]:
        """Return the POSTs whose outcome nobody knows, oldest first.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """

        def job(connection: sqlite3.Connection) -> list[Unknown]:
            found = connection.execute(
                "SELECT key, route, request_id, created FROM ledger "
                "WHERE environment = ? AND state = 'unknown' ORDER BY created",
                (self._environment,),
            )
            return [Unknown(*row) for row in found]

        return await self._database.read(job)

    async def settle(self, key: str) -> bool:
        """Note that a human knows the outcome; return whether it was unknown.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        now, where = self._clock.unix(), (self._environment, key)
        return await self._database.write(
            lambda c: (
                c.execute(
                    "UPDATE ledger SET state = 'answered', changed = ? "
                    "WHERE environment = ? AND key = ? AND state = 'unknown'",
                    (now, *where),
                ).rowcount
                > 0
            )
        )

    async def _tidy(self) -> None:
        if self._clock.now() < self._tidy_at:
            return
        now = self._clock.unix()
        removed = await self._database.write(
            lambda c: (
                c.execute(
                    "DELETE FROM ledger WHERE (environment, key) IN ("
                    "SELECT environment, key FROM ledger "
                    "WHERE state <> 'in_flight' "
                    "AND changed < iif(state = 'dropped', ?, ?) LIMIT ?)",
                    (now - _DROPPED, now - _KEPT, _STEP),
                ).rowcount
            )
        )
        if removed < _STEP:
            self._tidy_at = self._clock.now() + _TIDY_EVERY

    def _away(self, reason: str) -> None:
        self._away_until = self._clock.now() + _AWAY
        self._on_failure(reason)
