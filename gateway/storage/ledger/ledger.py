"""The ledger in SQLite: the POSTs that were begun, and their outcomes.

The intent is appended to a file before the first byte is sent, the outcome soon after
the response; twice a second both are folded into the database. Where the disk fails,
requests go on: Dinie remembers a key for a day, and so prevents a second execution.

Source: docs/adr/0011-ledger.md.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from gateway.core.clock import CONFIRMED_AFTER, Clock, ConfirmedTime, Instant, instant
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Intent, Record
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.ledger import queries
from gateway.storage.ledger.intent_log import IntentLog, Row, read
from gateway.storage.ledger.queries import LedgerRow, UnknownPost

_AWAY: Final = 1.0  # s for which a disk that failed is not used
REMEMBERED: Final = 86_400.0  # s; as long as Dinie remembers a key
_FOLD: Final = 0.5  # s
_COUNT_EVERY: Final = 10  # folds between counts of what is unknown
_TIDY_INTERVAL: Final = 600.0  # s; it reads every row
_SOON: Final = 0.02  # s until an outcome is written without an intent
_RECALL_TIMEOUT: Final = 1.0  # s to look up one key
_SLICE: Final = 2000  # records loaded before other tasks run
_MOST_WAITING: Final = 50_000  # rows


class SqliteLedger:
    """Implements `Ledger`."""

    def __init__(
        self,
        database: Database,
        *,
        environment: str,
        clock: Clock,
        on_failure: Callable[[str], Any],
        on_unknown: Callable[[int, float], Any] = lambda *_: None,
    ) -> None:
        """Begin with nothing loaded; call inside a running loop.

        Args:
            database: Has the table.
            environment: Keys are unique inside it.
            clock: Real or fake.
            on_failure: Takes the reason why something could not be written or read.
            on_unknown: Takes how many outcomes are unknown, and the oldest's age, s.
        """
        self._database = database
        self._environment = environment
        self._clock = clock
        self._on_failure = on_failure
        self._on_unknown = on_unknown
        self._away_until = 0.0
        self._loop = asyncio.get_running_loop()
        self._log = IntentLog(database.path)
        self._unwritten: list[Row] = []  # outcomes that are not appended yet
        self._rows: list[Row] = []  # appended, and not folded yet
        self._timer: asyncio.TimerHandle | None = None
        self._tidy_at = clock.now()
        self._confirmed = ConfirmedTime(clock)
        self._others = 0  # changes of other processes that `load` has seen
        self.loaded = False  # whether the records of before the start are in memory

    async def begin(self, intent: Intent) -> None:
        """Append an intent, which a kill does not undo, if the disk takes it."""
        if self._clock.now() < self._away_until:
            return
        self._gather(intent, "in_flight")
        self._append()

    def end(self, intent: Intent, outcome: str, *, status: int) -> None:
        """Record an outcome soon; see `Ledger`.

        Args:
            intent: As it began.
            outcome: `answered` or `unknown`.
            status: Of the response; 0: there was none.
        """
        self._gather(intent, outcome, status)
        self._soon()

    def forget(self, key: str) -> None:
        """Drop an intent: nothing was sent under it, or its key will not come again."""
        self._gather(Intent(key, b"", "", "", generated=False), "dropped")
        self._soon()

    def _gather(self, intent: Intent, state: str, status: int = 0) -> None:
        now, key = self._clock.unix(), (self._environment, intent.key)
        facts = intent.fingerprint.hex(), intent.route, intent.request_id, state
        more = status, int(intent.generated), intent.upstream_key
        self._unwritten.append((*key, *facts, now, now, *more))

    def _soon(self) -> None:
        """Append outcomes with the next intent, or soon without one."""
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
        """Write what was appended into the database, after the files of earlier starts.

        Raises:
            DatabaseUnavailable: it is tried again; nothing is lost.
        """
        if self._unwritten:
            self._append()
        if not self._rows or not self.loaded:
            return  # the files of earlier starts are older, and come first
        rows, self._rows = self._rows, []
        try:
            self._log.rotate()
            await self._write(rows)
        except BaseException as error:
            self._rows = rows + self._rows  # also where a drain cancels this
            if isinstance(error, OSError):
                raise DatabaseUnavailable(str(error)) from None
            raise
        self._log.folded()

    async def _write(self, rows: list[Row]) -> None:
        for begin in range(0, len(rows), queries.MOST):
            part = rows[begin : begin + queries.MOST]
            await self._database.write(queries.upsert(part))

    def close(self) -> None:
        """Close the file of intents."""
        if self._timer is not None:
            self._timer.cancel()
        self._log.close()

    async def load(self, records: MemoryRecords) -> int:
        """Load the records of before the start; return how many became unknown.

        The outcome of what was under way at the last end is unknown.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        try:
            for path in self._log.left():
                await self._write(await asyncio.to_thread(read, path))
                self._log.forget(path)
        except OSError as error:
            raise DatabaseUnavailable(
                f"{self._database.path}.intents: {error.strerror}"
            ) from None
        where = self._environment
        lost = await self._database.write(queries.mark_unknown(where))
        self._others = self._database.changes_of_others
        found = await self._database.read(queries.newest(where, most=records.capacity))
        for begin in range(0, len(found), _SLICE):
            now = instant(self._clock)
            for known in found[begin : begin + _SLICE]:
                if records.get(known.key, now=now) is None:
                    records.put(known.key, self._record(known), now=now)
            await self._clock.sleep(0)
        # The clock may be wrong. Records that it calls too old are looked up in the
        # file, by a clock that is confirmed for an hour: see `recall`.
        alive = self._clock.unix() - queries.KEPT
        young = all(known.created > alive for known in found)
        records.whole = young and len(found) < records.capacity
        self.loaded = True
        return lost

    def _record(self, known: LedgerRow) -> Record:
        now = instant(self._clock)
        # The monotonic moment is computed: that clock starts again at each boot.
        created = Instant(now.monotonic - (now.unix - known.created), known.created)
        upstream = known.key if known.upstream == known.key else known.upstream
        return Record(
            bytes.fromhex(known.fingerprint),
            created,
            # Under way in another process, it may have any outcome.
            outcome="unknown" if known.state == "in_flight" else known.state,
            upstream_key=upstream,
            kept_until=now.monotonic + CONFIRMED_AFTER,
        )

    async def recall(self, key: str) -> Record | None:
        """Look up a key in the file; None: it has no record, or cannot be read.

        Where it cannot be read, Dinie's memory of the key still prevents a repeat.
        """
        # After a jump of the clock, a key that Dinie has forgotten must not seem new.
        since = (self._confirmed.unix() or 0.0) - queries.KEPT
        job = queries.find(self._environment, key, since=since)
        known: LedgerRow | None = None
        try:
            async with asyncio.timeout(_RECALL_TIMEOUT):
                # Files first: what is folded meanwhile is then read from the database.
                rows = await asyncio.to_thread(self._log.rows) if self._beside else []
                known = queries.unfolded(rows, self._environment, key)
                known = await self._database.read(job) or known
        except (DatabaseUnavailable, OSError, TimeoutError) as error:
            self._on_failure(str(error) or "the disk did not respond in time")
        return None if known is None else self._record(known)

    @property
    def _beside(self) -> bool:
        """Whether other processes may have written files that are not folded yet."""
        return not self.loaded or self._database.changes_of_others != self._others

    async def run(
        self, records: MemoryRecords, on_loaded: Callable[[int], Any]
    ) -> None:
        """Load once the file can be used; then fold, tidy and count until cancelled."""
        for number in count():
            try:
                if not self.loaded:
                    on_loaded(await self.load(records))
                await self.fold()
                if self._beside:
                    records.whole = False  # another process's keys are in the file only
                if number % _COUNT_EVERY == 0:
                    await self._tidy()
                    found = await self.unknown()
                    oldest = self._clock.unix() - found[0].created if found else 0.0
                    self._on_unknown(len(found), oldest)
            except DatabaseUnavailable as error:
                self._on_failure(str(error))  # what was appended stays
            await self._clock.sleep(_FOLD)

    async def unknown(self) -> list[UnknownPost]:
        """Return the POSTs whose outcome is unknown, oldest first.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        return await self._database.read(queries.unknown(self._environment))

    async def abandoned(self, *, before: float) -> list[UnknownPost]:
        """Return the POSTs under way whose gateway has ended, oldest first.

        They become unknown when a gateway starts again.

        Args:
            before: Unix, s; later ones may still be under way in a gateway.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        try:
            rows = await asyncio.to_thread(self._log.rows)
        except OSError as error:
            raise DatabaseUnavailable(
                f"{self._database.path}.intents: {error.strerror}"
            ) from None
        job = queries.under_way(self._environment, before=before)
        found = {one.key: one for one in await self._database.read(job)}
        for where, key, _, route, request_id, state, created, changed, *_ in rows:
            if where != self._environment:
                continue
            if state == "in_flight" and changed < before:
                found[key] = UnknownPost(key, route, request_id, created)
            else:
                found.pop(key, None)
        return sorted(found.values(), key=lambda one: one.created)

    async def resolve(self, key: str) -> bool:
        """Record that an operator knows the outcome; return whether it was unknown.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        job = queries.resolve(self._environment, key, now=self._clock.unix())
        return await self._database.write(job)

    async def _tidy(self) -> None:
        confirmed = self._confirmed.unix() or 0.0  # each time: it must see a jump
        if self._clock.now() < self._tidy_at:
            return
        job = queries.remove_old(
            self._environment, now=self._clock.unix(), confirmed=confirmed
        )
        if not await self._database.write(job):
            self._tidy_at = self._clock.now() + _TIDY_INTERVAL

    def _away(self, reason: str) -> None:
        self._away_until = self._clock.now() + _AWAY
        self._on_failure(reason)
