"""The inbox as an operator sees it: what is there, again, and no more."""

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from gateway.clock import Clock
from gateway.inbox.ports import StoreUnavailable
from gateway.inbox.replay import STEP, Chosen
from gateway.storage.sqlite import Database, DatabaseUnavailable

T = TypeVar("T")
DEAD_KEPT: Final = 2_592_000.0  # s; 30 days in which a dead letter can be replayed
_PAGES: Final = 2000  # given back to the disk at a time
_SUMMARY: Final = """
SELECT seq, webhook_id, event_type, entity, received, length(body) AS bytes, synthetic
FROM events
"""
_AGAIN: Final = """
INSERT INTO deliveries (seq, subscriber, state, due, entity)
VALUES (:seq, :subscriber, 'pending', :now, :entity)
ON CONFLICT (seq, subscriber) DO UPDATE
SET state = 'pending', due = :now, wait = 0, tries = 0, owner = '', settled = NULL
WHERE state <> 'delivering'
"""
_TIDY: Final = """
DELETE FROM events WHERE seq IN (
  SELECT seq FROM events WHERE received < :before AND NOT EXISTS (
    SELECT 1 FROM deliveries WHERE deliveries.seq = events.seq AND (
      state IN ('pending', 'delivering') OR (state = 'dead' AND settled > :dead_before)
    )
  ) ORDER BY received LIMIT :most
)
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """How full the inbox is."""

    pending: int
    delivering: int
    dead: int
    oldest: float | None  # Unix, s; when the oldest came that somebody still waits for
    disabled: tuple[str, ...]  # subscribers that said 410


class Desk:
    """Looks into one database, and has deliveries made again."""

    def __init__(self, database: Database, *, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def counts(self) -> Counts:
        """Return how full the inbox is.

        Raises:
            StoreUnavailable: here and below, the file cannot be used.
        """

        def job(connection: sqlite3.Connection) -> Counts:
            states = dict(
                connection.execute(
                    "SELECT state, count(*) FROM deliveries "
                    "WHERE state <> 'delivered' GROUP BY state"
                ).fetchall()
            )
            (oldest,) = connection.execute(
                "SELECT received FROM events WHERE seq = (SELECT min(seq) FROM "
                "deliveries WHERE state IN ('pending', 'delivering'))"
            ).fetchone() or (None,)
            disabled = connection.execute("SELECT subscriber FROM disabled ORDER BY 1")
            return Counts(
                pending=states.get("pending", 0),
                delivering=states.get("delivering", 0),
                dead=states.get("dead", 0),
                oldest=oldest,
                disabled=tuple(name for (name,) in disabled),
            )

        return await self._read(job)

    async def events(self) -> int:
        """Return how many events are kept: a look at all of them."""
        return await self._read(
            lambda connection: int(
                connection.execute("SELECT count(*) FROM events").fetchone()[0]
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
        where, values = ["1"], list[Any]()
        if state is not None:
            where.append("seq IN (SELECT seq FROM deliveries WHERE state = ?)")
            values.append(state)
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
        query = f"{_SUMMARY} WHERE webhook_id = ? ORDER BY seq DESC LIMIT 1"

        def job(connection: sqlite3.Connection) -> dict[str, Any] | None:
            rows = _dicts(connection.execute(query, (webhook_id,)))
            if not rows:
                return None
            (body,) = connection.execute(
                "SELECT body FROM events WHERE seq = ?", (rows[0]["seq"],)
            ).fetchone()
            return rows[0] | _deliveries(connection, rows[0]["seq"]) | {"body": body}

        return await self._read(job)

    async def choose(
        self, chosen: Chosen, wanting: Callable[[str], Sequence[str]]
    ) -> list[tuple[int, str, str]]:
        """Return which deliveries fit: seq, subscriber and entity.

        Args:
            chosen: The conditions.
            wanting: Returns the subscribers that want a type.
        """

        def job(connection: sqlite3.Connection) -> list[tuple[int, str, str]]:
            if chosen.dead:
                found = connection.execute(
                    "SELECT seq, subscriber, deliveries.entity FROM deliveries "
                    "JOIN events USING (seq) WHERE state = 'dead' AND received >= ?",
                    (chosen.since or 0.0,),
                ).fetchall()
            else:
                found = [
                    (seq, name, entity)
                    for seq, event_type, entity in connection.execute(
                        "SELECT seq, event_type, entity FROM events "
                        "WHERE received >= ? AND webhook_id = coalesce(?, webhook_id)",
                        (chosen.since or 0.0, chosen.webhook_id),
                    )
                    for name in wanting(event_type)
                ]
            return [one for one in found if chosen.subscriber in {None, one[1]}]

        return await self._read(job)

    async def again(self, deliveries: Sequence[tuple[int, str, str]]) -> int:
        """Have up to `STEP` deliveries made again now; return how many will be.

        One that is under way is left alone.
        """
        now = self._clock.unix()
        rows = [
            {"seq": seq, "subscriber": name, "entity": entity, "now": now}
            for seq, name, entity in deliveries
        ]
        return await self._write(
            lambda connection: connection.executemany(_AGAIN, rows).rowcount
        )

    async def last_statuses(self) -> Mapping[str, str]:
        """Return the status of each entity's last event, by its id."""
        return await self._read(
            lambda connection: dict(
                connection.execute(
                    "SELECT entity, status FROM events WHERE seq IN ("
                    "SELECT max(seq) FROM events WHERE entity <> '' AND status <> '' "
                    "GROUP BY entity)"
                ).fetchall()
            )
        )

    async def enable(self, subscriber: str) -> bool:
        """Deliver again to one that said 410; return whether it had."""
        return await self._write(
            lambda connection: (
                connection.execute(
                    "DELETE FROM disabled WHERE subscriber = ?", (subscriber,)
                ).rowcount
                > 0
            )
        )

    async def tidy(self, *, keep: float) -> int:
        """Remove some of what nobody waits for any more; return how many.

        Args:
            keep: s for which an id is known; dead letters are kept longer.
        """
        now = self._clock.unix()
        bounds = {"before": now - keep, "dead_before": now - DEAD_KEPT, "most": STEP}

        def job(connection: sqlite3.Connection) -> int:
            removed = connection.execute(_TIDY, bounds).rowcount
            (free,) = connection.execute("PRAGMA freelist_count").fetchone()
            for _ in range(min(free, _PAGES)):
                # One page for each call: the module steps a pragma without rows once.
                connection.execute("PRAGMA incremental_vacuum(1)")
            return removed

        return await self._write(job)

    async def probe(self) -> None:
        """Write something, to see whether that works."""
        await self._write(
            lambda connection: connection.execute(
                "DELETE FROM disabled WHERE subscriber = ''"
            )
        )

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
