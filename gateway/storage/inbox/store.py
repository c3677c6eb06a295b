"""The inbox in SQLite: arrivals, and their deliveries to each subscriber.

Source: docs/adr/0010-inbox.md.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Final, TypeVar

from gateway.core.clock import Clock
from gateway.inbox.ports import (
    Arrival,
    Delivery,
    Settlement,
    StoredArrival,
    StoreUnavailable,
)
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.inbox import arrivals, claims, entities, subscribers

T = TypeVar("T")
_WRITE_TIMEOUT: Final = 3.0  # s; Dinie waits 5
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
# Only by the owner: one that lost its lease must not move another's delivery.
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
        """Prepare to store; the database opens its file by itself.

        Args:
            database: Has the tables.
            environment: Ids are unique inside environment and endpoint.
            endpoint: The path that receives webhooks.
            owner: Names this gateway's leases, before and after a restart.
            lease: s.
            clock: Real or fake.
            targets: A digest of each configured subscriber's URL, by its name.
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
        leased: Sequence[str] = (),
        unless_after: int | None = None,
    ) -> StoredArrival:
        """Store an arrival and its deliveries, if its id is new; see `InboxStore`.

        Args:
            arrival: What came in, or was made.
            subscribers: The names of those that get it.
            leased: Those of them whose deliveries are leased from the start.
            unless_after: The seq of an event; where a later one, or the last known
                status of the entity, says the same, this is a duplicate.

        Raises:
            StoreUnavailable: it is not on disk within 3 s.
        """
        facts = {name: getattr(arrival, name) for name in entities.COLUMNS}
        environment = self._scope[0]

        def job(connection: sqlite3.Connection) -> StoredArrival:
            if unless_after is not None and entities.is_known(
                connection, environment, facts, unless_after
            ):
                return StoredArrival("duplicate")
            result, seq = arrivals.insert(connection, self._scope, arrival)
            if result != "accepted":
                return StoredArrival(result)
            entities.record(connection, environment, facts)
            begun = {one for one in leased if not self._is_disabled(connection, one)}
            lease = self._new_lease()
            delivering = "delivering", lease.until, lease.span, lease.owner
            pending = "pending", arrival.received, 0.0, ""
            row = seq, environment, arrival.entity
            connection.executemany(
                _DELIVERY,
                [
                    (*row, name, *(delivering if name in begun else pending))
                    for name in subscribers
                ],
            )
            delivery = Delivery(seq, 0, arrival, lease.until)
            return StoredArrival(result, dict.fromkeys(begun, delivery))

        return await self._write(job)

    async def claim(
        self, subscriber: str, *, most: int, ordered: bool, fresh: bool = False
    ) -> list[Delivery]:
        """Lease deliveries that are due, the longest due first; see `InboxStore`.

        Args:
            subscriber: Its name.
            most: How many.
            ordered: One at a time for each entity.
            fresh: In random order, those without an attempt first.

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
        # Ordered deliveries may be behind many that are not in turn: they are searched
        # beside the writer, and checked once more inside the transaction.
        found = await self._read(look) if ordered else None
        if found == []:
            return []

        def job(connection: sqlite3.Connection) -> list[Delivery]:
            if found is None:
                seqs = look(connection)
            else:
                seqs = claims.still_due(connection, asked, found)
            return claims.lease(connection, subscriber, seqs, self._new_lease())

        return await self._write(job)

    async def next_due(self, subscriber: str) -> float | None:
        """Return the earliest due time after now; see `InboxStore`.

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

    def _new_lease(self) -> claims.Lease:
        """Return a lease that begins when the job runs, not when it was queued."""
        until = self._clock.unix() + self._lease
        return claims.Lease(self._owner, until, self._lease)

    def _is_disabled(self, connection: sqlite3.Connection, subscriber: str) -> bool:
        asked = self._scope[0], subscriber, self._targets.get(subscriber, "")
        found = connection.execute(_DISABLED, asked).fetchone()
        return found is not None

    async def settle(self, settlement: Settlement) -> None:
        """Store the outcome of an attempt.

        Raises:
            StoreUnavailable: it is not on disk.
        """
        now, one = self._clock.unix(), settlement
        key = one.seq, one.subscriber
        result = one.attempts, one.status, one.error

        def job(connection: sqlite3.Connection) -> None:
            if one.outcome in {"delivered", "dead"}:
                connection.execute(_DONE, (one.outcome, *result, now, *key))
                return
            again = (now + one.wait, one.wait, *result, *key, self._owner)
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
        """Release what this gateway had leased before it ended; return how many.

        Raises:
            StoreUnavailable: nothing is released.
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

    async def limit_due_times(self) -> int:
        """Bring due times into reach after the clock was set back; return how many.

        Afterwards nothing is due later than its wait from now.

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
                subscribers.limit_due(self._scope[0], now=now, after=after)
            )
            moved += step
        return moved

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.read(job)
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT):
                return await self._database.write(job)
        except TimeoutError:
            raise StoreUnavailable("the disk did not respond in time") from None
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None
