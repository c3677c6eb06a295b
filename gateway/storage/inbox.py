"""The inbox in SQLite: what arrived, and what each subscriber has of it."""

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Any, Final, TypeVar

from gateway.clock import Clock
from gateway.inbox.policy import repeats
from gateway.inbox.ports import Arrival, Delivery, Settlement, Stored, StoreUnavailable
from gateway.storage import entities
from gateway.storage.sqlite import Database, DatabaseUnavailable

T = TypeVar("T")
_PATIENCE: Final = 3.0  # s for a write; Dinie waits 5
_ARRIVAL: Final = (
    "webhook_id, event_type, entity, status, received, body, content_type, "
    "content_encoding, timestamp, signature, synthetic"
)
_INSERT: Final = f"""
INSERT INTO events (environment, endpoint, digest, {_ARRIVAL})
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (environment, endpoint, webhook_id) DO NOTHING
"""  # noqa: S608 - our own names
_KNOWN: Final = """
SELECT digest = ?, body FROM events
WHERE environment = ? AND endpoint = ? AND webhook_id = ?
"""
_DELIVERY: Final = """
INSERT INTO deliveries (seq, environment, subscriber, state, due, entity)
VALUES (?, ?, ?, 'pending', ?, ?)
"""
_DUE: Final = """
SELECT seq FROM deliveries AS one
WHERE environment = :environment AND subscriber = :subscriber
AND state IN ('pending', 'delivering') AND due <= :now
AND NOT EXISTS (
  SELECT 1 FROM disabled WHERE environment IN ('', :environment)
  AND subscriber = :subscriber AND target IN ('', :target)
)
"""
_IN_ORDER: Final = """
AND (entity = '' OR NOT EXISTS (
  SELECT 1 FROM deliveries AS earlier
  WHERE earlier.environment = one.environment
  AND earlier.subscriber = one.subscriber AND earlier.entity = one.entity
  AND earlier.seq < one.seq AND earlier.state IN ('pending', 'delivering')
))
"""
_SOONEST: Final = "ORDER BY due LIMIT :most"
_ANY: Final = "ORDER BY tries > 0, random() LIMIT :most"
_CLAIM: Final = """
UPDATE deliveries SET state = 'delivering', due = ?, wait = ?, owner = ?
WHERE seq = ? AND subscriber = ?
"""
_CLAIMED: Final = f"""
SELECT deliveries.seq, deliveries.tries, {
    ", ".join(f"events.{name}" for name in _ARRIVAL.split(", "))
}
FROM deliveries JOIN events USING (seq)
WHERE deliveries.seq = ? AND deliveries.subscriber = ?
"""  # noqa: S608 - our own names
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
        digest = sha256(arrival.body).digest()
        told = {name: getattr(arrival, name) for name in entities.TOLD}

        def job(connection: sqlite3.Connection) -> Stored:
            if untold_at is not None and entities.told(
                connection, self._scope[0], told, untold_at
            ):
                return "duplicate"
            done = connection.execute(
                _INSERT, (*self._scope, digest, *_values(arrival))
            )
            if done.rowcount != 1:
                where = (digest, *self._scope, arrival.webhook_id)
                same, body = connection.execute(_KNOWN, where).fetchone()
                again = same or repeats(body, arrival.body)
                return "duplicate" if again else "conflict"
            entities.note(connection, self._scope[0], told)
            connection.executemany(
                _DELIVERY,
                [
                    (
                        done.lastrowid,
                        self._scope[0],
                        name,
                        arrival.received,
                        arrival.entity,
                    )
                    for name in subscribers
                ],
            )
            return "accepted"

        return await self._write(job)

    async def claim(
        self, subscriber: str, *, most: int, ordered: bool, fresh: bool = False
    ) -> list[Delivery]:
        """Lease deliveries that are due, the longest due first; see `InboxStore`.

        Raises:
            StoreUnavailable: nothing is leased.
        """
        now = self._clock.unix()
        asked = {
            "subscriber": subscriber,
            "target": self._targets.get(subscriber, ""),
            "environment": self._scope[0],
            "now": now,
            "most": most,
        }
        due = _DUE + (_IN_ORDER if ordered else "")
        due += _ANY if fresh else _SOONEST

        def job(connection: sqlite3.Connection) -> list[Delivery]:
            found = [(seq, subscriber) for (seq,) in connection.execute(due, asked)]
            connection.executemany(
                _CLAIM,
                [(now + self._lease, self._lease, self._owner, *one) for one in found],
            )
            return [
                _delivery(connection.execute(_CLAIMED, one).fetchone()) for one in found
            ]

        async def idle() -> bool:
            # Asked of a reader: most looks find nothing, and cost no commit.
            return not await self._database.read(
                lambda connection: connection.execute(due, asked).fetchone()
            )

        try:
            if await idle():
                return []
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None
        return await self._write(job)

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
            StoreUnavailable: nothing is changed.
        """
        now = self._clock.unix()
        return await self._write(
            lambda connection: (
                connection.execute(
                    "UPDATE deliveries SET due = ? + wait WHERE environment = ? "
                    "AND state IN ('pending', 'delivering') AND due > ? + wait",
                    (now, self._scope[0], now),
                ).rowcount
            )
        )

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            async with asyncio.timeout(_PATIENCE):
                return await self._database.write(job)
        except TimeoutError:
            raise StoreUnavailable("the disk did not answer in time") from None
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None


def _values(arrival: Arrival) -> tuple[object, ...]:
    return (
        arrival.webhook_id,
        arrival.event_type,
        arrival.entity,
        arrival.status,
        arrival.received,
        arrival.body,
        arrival.content_type,
        arrival.content_encoding,
        arrival.timestamp,
        arrival.signature,
        int(arrival.synthetic),
    )


def _delivery(row: tuple[Any, ...]) -> Delivery:
    seq, tries, *rest = row
    arrival = Arrival(*rest)
    return Delivery(seq, tries, replace(arrival, synthetic=bool(arrival.synthetic)))
