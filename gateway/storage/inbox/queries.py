"""Looks up, repeats, counts and tidies the content of the inbox, for operators.

Each job over many rows is done in steps, between which others write.
"""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from gateway.core.clock import Clock
from gateway.inbox.maintenance import Tidied
from gateway.inbox.ports import StoreUnavailable
from gateway.inbox.replay import ReplayStep, Selection
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.inbox import entities, subscribers
from gateway.storage.inbox.replays import Cursor, Replay
from gateway.storage.inbox.stats import Counts, count
from gateway.storage.inbox.tidying import Place, Tidying

T = TypeVar("T")
_SUMMARY: Final = """
SELECT seq, webhook_id, event_type, entity, received, length(body) AS bytes, synthetic
FROM events
"""


class InboxQueries:
    """The operator's operations on one database.

    All methods raise `StoreUnavailable` where the file cannot be used.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        environment: str = "local",
        targets: Mapping[str, str] | None = None,
    ) -> None:
        """Begin to tidy from the start.

        Args:
            database: Has the tables.
            clock: Real or fake.
            environment: Of the events.
            targets: A digest of each configured subscriber's URL, by its name.
        """
        self._database = database
        self._clock = clock
        self._environment = environment
        self._targets = targets or {}
        self._place: Place | None = Place()  # where tidying continues
        self._known = orjson.dumps(sorted(self._targets)).decode()

    async def counts(self) -> Counts:
        """Return how full the inbox is."""
        return await self._read(
            lambda connection: count(connection, self._targets, self._environment)
        )

    async def events(self) -> int:
        """Count the events; reads all of them."""
        return await self._read(
            lambda connection: int(
                connection.execute(
                    "SELECT count(*) FROM events WHERE environment = ?",
                    (self._environment,),
                ).fetchone()[0]
            )
        )

    async def listed(
        self,
        *,
        state: str | None,
        event_type: str | None,
        before: int | None,
        most: int,
    ) -> list[dict[str, Any]]:
        """Return summaries, newest first, without anything of the bodies.

        Args:
            state: Only events with a delivery in this state; None: all.
            event_type: Only this type; None: all.
            before: Only events with a smaller seq; None: all.
            most: How many.
        """
        where, values = ["environment = ?"], list[Any]([self._environment])
        if state is not None:
            where.append(
                "seq IN (SELECT seq FROM deliveries WHERE environment = ? "
                "AND state = ?)"
            )
            values += [self._environment, state]
        if event_type is not None:
            where.append("event_type = ?")
            values.append(event_type)
        if before is not None:
            where.append("seq < ?")
            values.append(before)
        query = f"{_SUMMARY} WHERE {' AND '.join(where)} ORDER BY seq DESC LIMIT ?"

        def job(connection: sqlite3.Connection) -> list[dict[str, Any]]:
            rows = _dicts(connection.execute(query, (*values, most)))
            return [row | _deliveries(connection, row["seq"]) for row in rows]

        return await self._read(job)

    async def one(self, webhook_id: str) -> dict[str, Any] | None:
        """Return an event with its body and all its deliveries; None: there is none."""
        query = (
            f"{_SUMMARY} WHERE environment = ? AND webhook_id = ? "
            "ORDER BY seq DESC LIMIT 1"
        )

        def job(connection: sqlite3.Connection) -> dict[str, Any] | None:
            rows = _dicts(connection.execute(query, (self._environment, webhook_id)))
            if not rows:
                return None
            (body,) = connection.execute(
                "SELECT body FROM events WHERE seq = ?", (rows[0]["seq"],)
            ).fetchone()
            return rows[0] | _deliveries(connection, rows[0]["seq"]) | {"body": body}

        return await self._read(job)

    async def again(
        self,
        selection: Selection,
        wanting: Callable[[str], Sequence[str]],
        *,
        after: Cursor | None,
    ) -> ReplayStep:
        """Make some deliveries due now; see `ReplayStore`.

        Args:
            selection: Which.
            wanting: Returns the names of an event type's subscribers.
            after: Where the last step ended; None: this is the first.
        """
        job = Replay(
            selection,
            wanting,
            environment=self._environment,
            known=sorted(self._targets),
            now=self._clock.unix(),
        )
        began = self._clock.now()
        step = await self._write(partial(job.step, after=after))
        if step.after is not None:
            # As long for others: arrivals must not queue behind a replay.
            await self._clock.sleep(self._clock.now() - began)
        return step

    async def newest(self) -> int:
        """Return the seq of the newest event; 0: there is none."""
        return await self._read(
            lambda connection: int(
                connection.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
            )
        )

    async def last_statuses(self) -> Mapping[str, tuple[str, str]]:
        """Return kind and status of each entity's last event, by the entity's id."""
        return await self._read(
            lambda connection: entities.last_statuses(connection, self._environment)
        )

    async def enable(self, subscriber: str) -> bool:
        """Undo a subscriber's 410, and deliver now; return whether there was one."""
        where, now = self._environment, self._clock.unix()
        had = await self._write(subscribers.enable(where, subscriber))
        sooner = subscribers.make_due(where, subscriber, now=now)
        while await self._write(sooner) >= subscribers.STEP:
            pass
        return had

    async def drop(self, subscriber: str) -> int:
        """Remove what waits for a name, or failed; return how many deliveries."""
        job, dropped = subscribers.drop(self._environment, subscriber), 0
        while step := await self._write(job):
            dropped += step
        return dropped

    async def rename(self, old: str, new: str) -> int:
        """Move deliveries to another name; return how many it did not have yet."""
        moved = 0
        after: int | None = 0
        while after is not None:
            step, after = await self._write(
                subscribers.rename(self._environment, old=old, new=new, after=after)
            )
            moved += step
        return moved

    async def tidy(self, *, keep: float, now: float) -> Tidied:
        """Remove some of what is no longer needed, and free space.

        Args:
            keep: s for which events are kept; dead letters are kept longer.
            now: Unix, s; confirmed, since a removal cannot be undone.
        """
        job = Tidying(self._environment, self._known, keep, now)
        tidied, place = await self._write(partial(job.step, place=self._place))
        self._place = Place() if tidied.finished else place
        return tidied

    async def probe(self, room: int) -> None:
        """Write something, and check that so many more bytes have room."""
        try:
            await self._database.probe(room)
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None

    async def _read(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.read(job)
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None

    async def _write(self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return await self._database.write(job)
        except DatabaseUnavailable as error:
            raise StoreUnavailable(str(error)) from None


def _dicts(found: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found]


def _deliveries(connection: sqlite3.Connection, seq: int) -> dict[str, Any]:
    found = connection.execute(
        "SELECT subscriber, state, tries, due, last_status, last_error, settled "
        "FROM deliveries WHERE seq = ? ORDER BY subscriber",
        (seq,),
    )
    return {"deliveries": _dicts(found)}
