"""Callers that share one quota, against the limiter's own stage, on a made-up clock."""

import asyncio
import heapq
import random
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from math import floor, inf
from typing import Protocol

from multidict import CIMultiDict

from gateway.core.errors import RateLimited
from gateway.core.exchange import Exchange
from gateway.core.upstream_response import UpstreamResponse
from gateway.ratelimit.options import RateLimitOptions
from gateway.ratelimit.stage import RateLimitStage
from tests.exchanges import new_exchange
from tests.ratelimit.simulation import EPOCH, FixedServer, Server
from tests.ratelimit.timeline import Timeline

TOTAL = 25.0  # s; the deadline of a request


class Counting(Server, Protocol):
    """A server that tells its limit."""

    limit: int  # of the last request


class Alternating:
    """Two servers that take requests in turn, each with a quota of its own."""

    def __init__(self, first: FixedServer, second: FixedServer) -> None:
        self._servers = first, second
        self._turn = 0
        self.limit = 0

    def count(self, now: float) -> tuple[bool, int, float]:
        self._turn = 1 - self._turn
        server = self._servers[self._turn]
        self.limit = server.limit
        return server.count(now)


@dataclass(frozen=True, slots=True)
class Caller:
    """How one of them behaves."""

    name: str
    rate: float  # requests/s
    weight: float = 1.0
    priority: str = "interactive"
    patient: bool = False  # comes again when it was told to
    polls_every: float = 0.0  # s; comes again so often, whatever it was told
    known_as: str = ""  # to the limiter; several behave differently under one name
    until: float = inf  # s; afterwards it asks nothing new
    route: str = "/banks"


@dataclass(slots=True)
class Seen:
    """What became of one caller's requests."""

    offered: int = 0
    admitted: list[float] = field(default_factory=list)  # moments
    waits: list[float] = field(default_factory=list)  # s, of the admitted
    refused: int = 0
    returned: int = 0  # that came when they were told to
    late: int = 0  # of these, refused again
    told: list[float] = field(default_factory=list)  # s; the waits of the refused
    served_after: list[float] = field(default_factory=list)  # s since it first asked

    def wait(self, share: float) -> float:
        """Return a percentile of the waits, s."""
        ordered = sorted(self.waits)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Crowd:
    """One play."""

    def __init__(
        self,
        callers: list[Caller],
        *,
        limit: int = 100,
        length: float = 60.0,
        seed: int = 1,
        latency: float = 0.1,
        reserve: float = 0.05,
        configured: bool = True,
        quiet: float = 0.0,
        servers: Mapping[str, Counting] | None = None,
    ) -> None:
        """Set the stage; after one request nobody comes for the `quiet` time, s.

        Routes have one quota, but for those that have `servers` of their own.
        """
        self._servers = servers or {}
        self._quiet = quiet
        self.clock = Timeline()
        self.callers = {one.name: one for one in callers}
        self.server = FixedServer(limit, length)
        self.dice = random.Random(seed)
        self.latency = latency
        self.rejected = 0
        self.seen = {name: Seen() for name in self.callers}
        weights: Mapping[str, float] = {
            one.known_as or one.name: one.weight for one in callers
        }
        self.stage = RateLimitStage(
            RateLimitOptions(reserve=reserve),
            self.clock,
            self.dice.random,
            weights=weights if configured else None,
        )
        self._began = self.clock.now()
        self._events: list[tuple[float, int, str, int]] = []
        self._order = 0
        self._asked: dict[int, float] = {}  # when each request first came
        self._tasks: set[asyncio.Task[None]] = set()

    async def play(self, windows: int) -> "Crowd":
        """Run to the end of the last window."""
        end = self._quiet + windows * self.server.length
        for one in self.callers.values():
            self._next(self._quiet, one)
        if self._quiet:
            self._start(Seen(), "first", 0)
        while self._events and self._events[0][0] < end:
            moment, _, name, again = heapq.heappop(self._events)
            await self.clock.advance(max(0.0, self._began + moment - self.clock.now()))
            if not again:
                self._next(moment, self.callers[name])
            self._start(self.seen[name], name, again)
        await self.clock.advance(max(0.0, self._began + end - self.clock.now()))
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        return self

    def used(self, windows: int) -> float:
        """Return the share of the quota that was used."""
        served = sum(len(seen.admitted) for seen in self.seen.values())
        return (served - self.rejected) / (windows * self.server.limit)

    def _start(self, seen: Seen, name: str, again: int) -> None:
        task = asyncio.create_task(self._one(seen, name, again))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next(self, after: float, caller: Caller) -> None:
        moment = after + self.dice.expovariate(caller.rate)
        if moment < caller.until:
            self._push(moment, caller.name, 0)

    def _push(self, moment: float, name: str, again: int) -> None:
        self._order += 1
        heapq.heappush(self._events, (moment, self._order, name, again))

    async def _one(self, seen: Seen, name: str, again: int) -> None:
        now = self.clock.now()
        seen.offered += not again
        seen.returned += bool(again)
        self._order += not again
        number = again or self._order
        self._asked.setdefault(number, now)
        caller = self.callers.get(name, Caller(name, 0.0))
        exchange = new_exchange(
            str(number),
            "GET",
            f"{caller.route}?n={number}",
            now,
            route=caller.route,
            deadline=now + TOTAL,
            caller=caller.known_as or name,
            interactive=caller.priority == "interactive",
            background=caller.priority == "background",
        )
        try:
            await self.stage(exchange, partial(self._answer, seen))
        except RateLimited as refused:
            seen.refused += 1
            seen.late += bool(again)
            # In whole seconds, as the header has it.
            told = -floor(-(refused.retry_after or 1.0))
            seen.told.append(told)
            if caller.patient or caller.polls_every:
                wait = caller.polls_every or told
                self._push(self.clock.now() - self._began + wait, name, number)
        else:
            seen.served_after.append(self.clock.now() - self._asked.pop(number))

    async def _answer(self, seen: Seen, exchange: Exchange) -> UpstreamResponse:
        now = self.clock.now()
        seen.admitted.append(now - self._began)
        seen.waits.append(exchange.history.waits.permit)
        exchange.history.sends += 1
        await self.clock.sleep(self.latency * self.dice.uniform(0.3, 0.7))
        at = self.clock.now() - self._began
        server = self._servers.get(exchange.target.route, self.server)
        served, remaining, reset = server.count(at)
        limit = server.limit
        self.rejected += not served
        await self.clock.sleep(self.latency * self.dice.uniform(0.3, 0.7))
        headers = CIMultiDict(
            {
                "X-RateLimit-Limit": str(limit),
                "X-RateLimit-Remaining": str(remaining),
                "X-RateLimit-Reset": str(int(reset - EPOCH - floor(at))),
            }
        )
        status = 200 if served else 429
        return UpstreamResponse(status, headers)
