"""The inbox in SQLite: what arrived, and what each subscriber has of it."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from gateway.core.clock import Clock
from gateway.inbox.ports import (
    Arrival,
    Delivery,
    Kept,
    Settlement,
    Stored,
    StoreUnavailable,
)
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.inbox import arrivals, claims, entities, subscribers

T = TypeVar("T")
_PATIENCE: Final = 3.0  # s for a write; Dinie waits 5
_DELIVERY: Final = """
INSERT INTO deliveries (
  seq, environment, entity, subscriber, state, due, wait, owner
) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
"""
_DISABLED: Final = """
SELECT 1 FROM disabled
WHERE environment IN ('', ?) AND subscriber = ? AND target IN ('', ?)
"""
_LATE: Final = """
SELECT 1 FROM deliveries WHERE environment = ? AND state IN ('pending', 'delivering')
AND due > ? AND due > ? + wait LIMIT 1
"""
_DONE: Final = """
UPDATE deliveries
SET state = ?, tries = ?, last_status = ?, last_error = ?, settled = ?, owner = ''
WHERE seq = ? AND subscriber = ?
"""
# Only by the owner: whoever lost the lease must not move another's try.
_AGAIN: Final = """
UPDATE deliveries
SET state = 'pending', due = ?, wait = ?, tries = ?, last_status = ?, last_error = ?,
  owner = ''
WHERE seq = ? AND subscriber = ? AND owner = ? AND state = 'delivering'
"""


class SqliteInbox:
    """Implements `InboxStore`; one instance for one gateway."""

    def __init__(
        self,
        database: Database,
        *,
        environment: str,
        endpoint: str,
        owner: str,
        lease: float,
        clock: Clock,
        targets: Mapping[str, str] | None = None,
    ) -> None:
        """Wire it.

        Args:
            database: Where the tables are.
            environment: Ids are unique inside it.
            endpoint: And inside this.
            owner: Whose leases are taken back after a restart.
            lease: s.
            clock: Real or fake.
            targets: What tells one URL of a subscriber from another, by its name.
        """
        self._targets = targets or {}
        self._database = database
        self._scope = environment, endpoint
        self._owner = owner
        self._lease = lease
        self._clock = clock

    async def add(
        self,
        arrival: Arrival,
        subscribers: Sequence[str],
        *,
        untold_at: int | None = None,
    ) -> Stored:
        """Keep an arrival, and note who is to get it, if its id is new.

        Args:
            arrival: What came, or was made.
            subscribers: Who is to get it.
            untold_at: The seq at which no event told of it: if one does by now, this
                is a duplicate.

        Raises:
            StoreUnavailable: it is not on disk within 3 s.
        """
        kept = await self.keep(arrival, subscribers, leased=(), untold_at=untold_at)
        return kept.stored

    async def keep(
        self,
        arrival: Arrival,
        subscribers: Sequence[str],
        *,
        leased: Sequence[str],
        untold_at: int | None = None,
    ) -> Kept:
        """Keep an arrival as `add`, some of its deliveries leased from the start.

        Raises:
            StoreUnavailable: it is not on disk within 3 s.
        """
        told = {name: getattr(arrival, name) for name in entities.TOLD}

        def job(connection: sqlite3.Connection) -> Kept:
            if untold_at is not None and entities.told(
                connection, self._scope[0], told, untold_at
            ):
                return Kept("duplicate")
            stored, seq = arrivals.insert(connection, self._scope, arrival)
            if stored != "accepted":
                return Kept(stored)
            entities.note(connection, self._scope[0], told)
            mine = {one for one in leased if not self._is_disabled(connection, one)}
            held = self._of_now()
            begun = "delivering", held.until, held.span, held.owner
            waits = "pending", arrival.received, 0.0, ""
            row = seq, self._scope[0], arrival.entity
            connection.executemany(
                _DELIVERY,
                [
                    (*row, name, *(begun if name in mine else waits))
                    for name in subscribers
                ],
            )
            handed = Delivery(seq, 0, arrival, held.until)
            return Kept("accepted", dict.fromkeys(mine, handed))

        return await self._write(job)

    async def claim(
        self, subscriber: str, *, most: int, ordered: bool, fresh: bool = False
    ) -> list[Delivery]:
        """Lease deliveries that are due, the longest due first; see `InboxStore`.

        Raises:
            StoreUnavailable: nothing is leased.
        """
        asked = {
            "subscriber": subscriber,
            "target": self._targets.get(subscriber, ""),
            "environment": self._scope[0],
            "now": self._clock.unix(),
            "most": most,
        }
        look = partial(claims.due, asked=asked, ordered=ordered, fresh=fresh)
        # Finding what is in turn may mean to step over much that is not: that is read
        # beside what is written, and looked at once more inside the transaction.
        found = await self._read(look) if ordered else None
        if found == []:
            return []

        def job(connection: sqlite3.Connection) -> list[Delivery]:
            if found is None:
                seqs = look(connection)
            else:
                seqs = claims.still_due(connection, asked, found)
            return claims.lease(connection, subscriber, seqs, self._of_now())

        return await self._write(job)

    async def next_due(self, subscriber: str) -> float | None:
        """Return when the next delivery is due that is not yet; see `InboxStore`.

        Raises:
            StoreUnavailable: it cannot be read.
        """
        now = self._clock.unix()
        return await self._read(
            lambda connection: claims.next_due(
                connection, self._scope[0], subscriber, now=now
            )
        )

    @property
    def changes_of_others(self) -> int:
        """Return how often another process was seen to have written the file."""
        return self._database.changes_of_others

    def _of_now(self) -> claims.Lease:
        """Return a lease that begins now, and not when somebody asked for it."""
        until = self._clock.unix() + self._lease
        return claims.Lease(self._owner, until, self._lease)

    def _is_disabled(self, connection: sqlite3.Connection, subscriber: str) -> bool:
        asked = self._scope[0], subscriber, self._targets.get(subscriber, "")
        found = connection.execute(_DISABLED, asked).fetchone()
        return found is not None

    async def settle(self, settlement: Settlement) -> None:
        """Note what became of a try.

        Raises:
            StoreUnavailable: it is not noted.
        """
        now, one = self._clock.unix(), settlement
        key = one.seq, one.subscriber
        told = one.tries, one.status, one.error

        def job(connection: sqlite3.Connection) -> None:
            if one.outcome in {"delivered", "dead"}:
                connection.execute(_DONE, (one.outcome, *told, now, *key))
                return
            again = (now + one.wait, one.wait, *told, *key, self._owner)
            connection.execute(_AGAIN, again)
            if one.outcome == "disabled":
                target = self._targets.get(one.subscriber, "")
                connection.execute(
                    "INSERT OR REPLACE INTO disabled (environment, subscriber, since, "
                    "target) VALUES (?, ?, ?, ?)",
                    (self._scope[0], one.subscriber, now, target),
                )

        await self._write(job)

    async def reclaim(self) -> int:
        """Take back what this gateway had leased before it ended; return how many.

        Raises:
            StoreUnavailable: nothing is taken back.
        """
        now = self._clock.unix()
        return await self._write(
            lambda connection: (
                connection.execute(
                    "UPDATE deliveries SET state = 'pending', due = min(due, ?), "
                    "owner = '' WHERE environment = ? AND state = 'delivering' "
                    "AND owner = ?",
                    (now, self._scope[0], self._owner),
                ).rowcount
            )
        )

    async def set_right(self) -> int:
        """Bring moments into reach after the clock was set back; return how many.

        Nothing is due later than the wait it was given, counted from now.

        Raises:
            StoreUnavailable: not all is changed.
        """
        now, moved = self._clock.unix(), 0
        late = (self._scope[0], now, now)
        if not await self._read(lambda one: one.execute(_LATE, late).fetchone()):
            return 0
        after: int | None = 0
        while after is not None:
            step, after = await self._write(
                subscribers.righting(self._scope[0], now=now, after=after)
            )
            moved += step
        return moved

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.read(job)
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None

    async def _write(
        self, job: Callable[[sqlite3.Connection], T], *, soon: bool = True
    ) -> T:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._database.write(job, soon=soon)
        except TimeoutError:
            raise StoreUnavailable("the disk did not answer in time") from None
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None
