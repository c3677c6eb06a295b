"""The ledger in SQLite: which POSTs were begun, and what became of them.

The intent is appended to a file before the first byte goes out, the outcome soon after
the answer; twice a second both are folded into the database.
Where the disk does not take it, requests go on: Dinie's own memory keeps a repeat away.
"""

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any, Final

from gateway.core.clock import CONFIRMED_AFTER, Clock, ConfirmedTime, Instant, instant
from gateway.idempotency.ports import Intent, Record, Records
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.ledger import queries
from gateway.storage.ledger.intent_log import IntentLog, Row, read
from gateway.storage.ledger.queries import LedgerRow, UnknownPost

_AWAY: Final = 1.0  # s in which a disk that failed is not asked
REMEMBERED: Final = 86_400.0  # s; as long as Dinie remembers a key
_FOLD: Final = 0.5  # s
_LOOK: Final = 10  # folds between looks at what is unknown
_TIDY_EVERY: Final = 600.0  # s; it looks at every row
_SOON: Final = 0.02  # s until an outcome is written that no intent takes along
_PATIENCE: Final = 1.0  # s for a look at one key
_SLICE: Final = 2000  # records brought back before others have their turn
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
        self._confirmed = ConfirmedTime(clock)
        self._others = 0  # writes of other processes that `load` has seen
        self.loaded = False  # whether what was known before is back

    async def begin(self, intent: Intent) -> None:
        """Have an intent where a kill does not undo it, if the disk takes it."""
        if self._clock.now() < self._away_until:
            return
        self._gather(intent, "in_flight")
        self._append()

    def end(self, intent: Intent, outcome: str, *, status: int) -> None:
        """Note what became of it, soon; see `Ledger`."""
        self._gather(intent, outcome, status)
        self._soon()

    def forget(self, key: str) -> None:
        """Drop an intent: nothing was sent under it, or nobody will ask for it."""
        self._gather(Intent(key, b"", "", "", minted=False), "dropped")
        self._soon()

    def _gather(self, intent: Intent, state: str, status: int = 0) -> None:
        now, key = self._clock.unix(), (self._environment, intent.key)
        told = intent.fingerprint.hex(), intent.route, intent.request_id, state
        more = status, int(intent.minted), intent.upstream_key
        self._unwritten.append((*key, *told, now, now, *more))

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
        """Bring what was appended into the database, after what was left there.

        Raises:
            DatabaseUnavailable: it is tried again; nothing is lost.
        """
        if self._unwritten:
            self._append()
        if not self._rows or not self.loaded:
            return  # what others left is older: it comes first
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
        for begin in range(0, len(rows), queries.MOST):
            part = rows[begin : begin + queries.MOST]
            await self._database.write(queries.upsert(part))

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
        # Nobody knows here how far off the clock is. What it calls too old is looked up
        # in the file, by a clock that has stood for an hour: see `recall`.
        alive = self._clock.unix() - queries.KEPT
        young = all(known.created > alive for known in found)
        records.whole = young and len(found) < records.capacity
        self.loaded = True
        return lost

    def _record(self, known: LedgerRow) -> Record:
        now = instant(self._clock)
        # What the monotonic clock was then is not known: it begins anew at each boot.
        created = Instant(now.monotonic - (now.unix - known.created), known.created)
        upstream = known.key if known.upstream == known.key else known.upstream
        return Record(
            bytes.fromhex(known.fingerprint),
            created,
            # Under way in a neighbour, it may become anything.
            outcome="unknown" if known.state == "in_flight" else known.state,
            upstream_key=upstream,
            kept_until=now.monotonic + CONFIRMED_AFTER,
        )

    async def recall(self, key: str) -> Record | None:
        """Return what the file knows of a key that memory does not.

        A file that cannot be read knows nothing: Dinie's own memory stands.
        """
        # A clock that jumped must not make a key new that Dinie has forgotten.
        since = (self._confirmed.unix() or 0.0) - queries.KEPT
        job = queries.find(self._environment, key, since=since)
        known: LedgerRow | None = None
        try:
            async with asyncio.timeout(_PATIENCE):
                # First: what is folded meanwhile is in the database then.
                rows = await asyncio.to_thread(self._log.rows) if self._beside else []
                known = queries.unfolded(rows, self._environment, key)
                known = await self._database.read(job) or known
        except (DatabaseUnavailable, OSError, TimeoutError) as error:
            self._on_failure(str(error) or "the disk did not answer in time")
        return None if known is None else self._record(known)

    @property
    def _beside(self) -> bool:
        """Whether others wrote what is not in the database yet: dead or alive."""
        return not self.loaded or self._database.changes_of_others != self._others

    async def run(self, records: Records, on_loaded: Callable[[int], Any]) -> None:
        """Load once the file can be used; then fold, tidy and count for ever."""
        for number in count():
            try:
                if not self.loaded:
                    on_loaded(await self.load(records))
                await self.fold()
                if self._beside:
                    records.whole = False  # a neighbour's keys are in the file only
                if number % _LOOK == 0:
                    await self._tidy()
                    found = await self.unknown()
                    oldest = self._clock.unix() - found[0].created if found else 0.0
                    self._on_unknown(len(found), oldest)
            except DatabaseUnavailable as error:
                self._on_failure(str(error))  # what was appended stays
            await self._clock.sleep(_FOLD)

    async def unknown(self) -> list[UnknownPost]:
        """Return the POSTs whose outcome nobody knows, oldest first.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        return await self._database.read(queries.unknown(self._environment))

    async def abandoned(self, *, before: float) -> list[UnknownPost]:
        """Return the POSTs whose gateway ended without a word, oldest first.

        They become unknown when a gateway starts again.

        Args:
            before: Unix, s; what is under way for longer has nobody who waits for it.

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
        """Note that a human knows the outcome; return whether it was unknown.

        Raises:
            DatabaseUnavailable: the file cannot be used.
        """
        job = queries.resolve(self._environment, key, now=self._clock.unix())
        return await self._database.write(job)

    async def _tidy(self) -> None:
        confirmed = self._confirmed.unix() or 0.0  # at each look: it must see a jump
        if self._clock.now() < self._tidy_at:
            return
        job = queries.remove_old(
            self._environment, now=self._clock.unix(), confirmed=confirmed
        )
        if not await self._database.write(job):
            self._tidy_at = self._clock.now() + _TIDY_EVERY

    def _away(self, reason: str) -> None:
        self._away_until = self._clock.now() + _AWAY
        self._on_failure(reason)
