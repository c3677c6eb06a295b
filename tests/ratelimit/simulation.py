"""A server with a quota and a network, played event by event on a made-up clock."""

import heapq
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from math import floor
from typing import Protocol

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window_usage import Permit

EPOCH = 1_790_000_000.0  # s; the server's clock at the simulation's start
_QUEUE = 256


class Server(Protocol):
    """Counts requests."""

    def count(self, now: float) -> tuple[bool, int, float]:
        """Return whether one is served, what remains, and the reset, s since 1970."""


class FixedServer:
    """The quota comes back all at once."""

    def __init__(self, limit: int, length: float) -> None:
        self.limit, self.length = limit, length
        self._index = -1
        self._used = 0

    def count(self, now: float) -> tuple[bool, int, float]:
        index = int(now // self.length)
        if index != self._index:
            self._index, self._used = index, 0
        served = self._used < self.limit
        self._used += served
        return served, self.limit - self._used, EPOCH + (index + 1) * self.length


class SlidingServer:
    """Each request comes back one length after it was counted."""

    def __init__(self, limit: int, length: float) -> None:
        self.limit, self.length = limit, length
        self._log: deque[float] = deque()

    def count(self, now: float) -> tuple[bool, int, float]:
        while self._log and self._log[0] <= now - self.length:
            self._log.popleft()
        served = len(self._log) < self.limit
        if served:
            self._log.append(now)
        return served, self.limit - len(self._log), EPOCH + floor(now) + self.length


class Sender(Protocol):
    """A limiter under test."""

    def acquire(self, permit: Permit, now: float) -> float:
        """Return 0.0, or the wait in s."""

    def lost(self, permit: Permit, now: float) -> None:
        """Hear that no answer came."""

    def responded(
        self, permit: Permit, now: float, seen: Advertised | None, *, status: int
    ) -> None:
        """Hear an answer."""


class LastHeader:
    """What one would write first: believe the newest answer."""

    def __init__(self) -> None:
        self._remaining = 1
        self._resets_at = 0.0

    def acquire(self, permit: Permit, now: float) -> float:
        del permit
        if self._remaining > 0 or now >= self._resets_at:
            return 0.0
        return self._resets_at - now

    def lost(self, permit: Permit, now: float) -> None:
        """Learn nothing."""

    def responded(
        self, permit: Permit, now: float, seen: Advertised | None, *, status: int
    ) -> None:
        del permit, now, status
        if seen is not None:
            self._remaining, self._resets_at = seen.remaining, seen.resets_at


@dataclass
class Run:
    """What is simulated, and what came of it."""

    sender: Sender
    server: FixedServer | SlidingServer
    seed: int
    demand: float  # times the quota
    latency: float  # s; mean of each way
    windows: int = 23
    foreign: float = 0.0  # share of the limit that others use
    loss: float = 0.0  # share of the answers that never come
    rejected: int = 0
    served: int = 0
    _now: float = 0.0
    _waiting: int = 0
    _wakes_at: float = 0.0
    _order: int = 0
    _events: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)

    def play(self) -> "Run":
        """Run to the end of the last window."""
        self._dice = random.Random(self.seed)
        end = self.windows * self.server.length
        self._rate = self.demand * self.server.limit / self.server.length
        self._at(0.0, self._arrive)
        if self.foreign:
            self._at(0.1, self._intrude)
        while self._events and self._events[0][0] < end:
            self._now, _, event = heapq.heappop(self._events)
            event()
        return self

    @property
    def use(self) -> float:
        """Return the share of the quota that was used."""
        return self.served / (self.windows * self.server.limit)

    def _at(self, moment: float, event: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._events, (moment, self._order, event))

    def _trip(self) -> float:
        # A floor and a long tail: answers overtake each other all the time.
        return self.latency * (0.3 + self._dice.expovariate(1 / 0.7))

    def _arrive(self) -> None:
        self._at(self._now + self._dice.expovariate(self._rate), self._arrive)
        self._waiting = min(_QUEUE, self._waiting + 1)
        if self._waiting == 1:
            self._pump()

    def _intrude(self) -> None:
        rate = self.foreign * self.server.limit / self.server.length
        self._at(self._now + self._dice.expovariate(rate), self._intrude)
        self.server.count(self._now)

    def _pump(self) -> None:
        while self._waiting:
            permit = Permit()
            wait = self.sender.acquire(permit, self._now)
            if wait > 0:
                # Only the newest alarm rings; an older one finds it moved.
                self._wakes_at = self._now + wait
                self._at(self._wakes_at, partial(self._ring, self._wakes_at))
                return
            self._waiting -= 1
            self._at(self._now + self._trip(), partial(self._reach, permit))

    def _ring(self, moment: float) -> None:
        if moment == self._wakes_at:
            self._pump()

    def _reach(self, permit: Permit) -> None:
        served, remaining, reset = self.server.count(self._now)
        self.served += served
        self.rejected += not served
        if self._dice.random() < self.loss:
            self._at(self._now + 3.0, lambda: self._lose(permit))
            return
        left = reset - (EPOCH + floor(self._now))  # by a Date in whole seconds
        told = (served, remaining, left, reset)
        self._at(self._now + self._trip(), lambda: self._answer(permit, told))

    def _lose(self, permit: Permit) -> None:
        self.sender.lost(permit, self._now)
        self._pump()

    def _answer(self, permit: Permit, told: tuple[bool, int, float, float]) -> None:
        served, remaining, left, reset = told
        seen = Advertised(self.server.limit, remaining, self._now + left, reset)
        status = 200 if served else 429
        self.sender.responded(permit, self._now, seen, status=status)
        self._pump()


def learned(seed: int) -> Limiter:
    """Return the gateway's limiter, without a reserve."""
    return Limiter(0.0, random.Random(seed).random)
