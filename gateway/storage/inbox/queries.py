"""The inbox as an operator sees it: what is there, again, and no more."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import orjson

from gateway.core.clock import Clock
from gateway.inbox.ports import StoreUnavailable
from gateway.inbox.replay import Chosen, Step
from gateway.storage.database.database import Database, DatabaseUnavailable
from gateway.storage.inbox import entities, subscribers
from gateway.storage.inbox.replays import Cursor, Replay
from gateway.storage.inbox.stats import Counts, count
from gateway.storage.inbox.tidying import Place, Tidied, Tidying

T = TypeVar("T")
_SUMMARY: Final = """
SELECT seq, webhook_id, event_type, entity, received, length(body) AS bytes, synthetic
FROM events
"""


class Desk:
    """Looks into one database, and has deliveries made again."""

    def __init__(
        self,
        database: Database,
        *,
        clock: Clock,
        environment: str = "local",
        targets: Mapping[str, str] | None = None,
    ) -> None:
        """Wire it; the subscribers are those of the configuration, as `SqliteInbox`."""
        self._database = database
        self._clock = clock
        self._environment = environment
        self._targets = targets or {}
        self._place: Place | None = Place()  # where tidying goes on
        self._known = orjson.dumps(sorted(self._targets)).decode()

    async def counts(self) -> Counts:
        """Return how full the inbox is.

        Raises:
            StoreUnavailable: here and below, the file cannot be used.
        """
        return await self._read(
            lambda connection: count(connection, self._targets, self._environment)
        )

    async def events(self) -> int:
        """Return how many events are kept: a look at all of them."""
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
        """Return summaries, newest first; without anything of their bodies."""
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
        """Return one with its body and all of its deliveries; None: it is not there."""
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
        chosen: Chosen,
        wanting: Callable[[str], Sequence[str]],
        *,
        after: Cursor | None,
    ) -> Step:
        """Have some deliveries made again now.

        Args:
            chosen: The conditions.
            wanting: Returns the subscribers that want a type.
            after: Where the last step ended; None: this is the first.
        """
        job = Replay(
            chosen,
            wanting,
            environment=self._environment,
            known=sorted(self._targets),
            now=self._clock.unix(),
        )
        began = self._clock.now()
        step = await self._write(partial(job.step, after=after))
        if step.after is not None:
            # As long for others: what Dinie sends must not queue behind a replay.
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
        """Return kind and status of each entity's last event, by its id."""
        return await self._read(
            lambda connection: entities.last(connection, self._environment)
        )

    async def enable(self, subscriber: str) -> bool:
        """Deliver again, now, to one that said 410; return whether it had."""
        where, now = self._environment, self._clock.unix()
        had = await self._write(subscribers.enabling(where, subscriber))
        sooner = subscribers.hastening(where, subscriber, now=now)
        while await self._write(sooner) >= subscribers.STEP:
            pass
        return had

    async def drop(self, subscriber: str) -> int:
        """Give up what waits for a name, or failed; return how many deliveries."""
        job, dropped = subscribers.dropping(self._environment, subscriber), 0
        while step := await self._write(job):
            dropped += step
        return dropped

    async def rename(self, old: str, new: str) -> int:
        """Give one name's deliveries to another; return how many it did not have."""
        moved = 0
        after: int | None = 0
        while after is not None:
            step, after = await self._write(
                subscribers.renaming(self._environment, old=old, new=new, after=after)
            )
            moved += step
        return moved

    async def tidy(self, *, keep: float, now: float) -> Tidied:
        """Remove some of what nobody waits for any more, and give room back.

        Args:
            keep: s for which an id is known; dead letters are kept longer.
            now: Unix, s; confirmed, since what is removed here cannot be had back.
        """
        job = Tidying(self._environment, self._known, keep, now)
        tidied = await self._write(partial(job.step, place=self._place))
        self._place = Place() if tidied.is_all else tidied.place
        return tidied

    async def probe(self, room: int) -> None:
        """Write something, and see whether so many bytes more would have room."""
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
