"""A dispatcher over a real file, and subscribers inside the test."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from gateway.core.clock import SystemClock
from gateway.core.secret import Secret
from gateway.inbox.dispatch import Dispatcher
from gateway.inbox.options import InboxOptions, SubscriberOptions
from gateway.inbox.policy import AttemptResult
from tests.fakes import FakeClock
from tests.inbox.scene import Inbox, Observed, arrival

Answer = Callable[[str, dict[str, str]], AttemptResult]


class Carried:
    """Subscribers inside the test: says what was brought, and answers."""

    def __init__(self) -> None:
        self.brought: list[tuple[str, str]] = []  # subscriber, id
        self.headers: list[dict[str, str]] = []
        self.answer: Answer = lambda *_: AttemptResult(200)
        self.hold: dict[str, asyncio.Event] = {}
        self.begun = 0

    def block(self, name: str) -> None:
        """Have a subscriber answer nothing for now."""
        self.hold[name] = asyncio.Event()

    async def send(
        self,
        subscriber: SubscriberOptions,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> AttemptResult:
        assert body
        named = dict(headers)
        self.begun += 1
        if subscriber.name in self.hold:
            await self.hold[subscriber.name].wait()
        self.brought.append((subscriber.name, named["webhook-id"]))
        self.headers.append(named)
        return self.answer(subscriber.name, named)


class WallClock(SystemClock):
    """Waits as time passes, and tells the time of day that a test sets."""

    def __init__(self, clock: FakeClock) -> None:
        self.unix = clock.unix
        self.ahead = 0.0  # s

    def now(self) -> float:
        """Return the moment, as far ahead as a test sets it."""
        return super().now() + self.ahead


class Scene:
    """A dispatcher over a real file."""

    def __init__(self, inbox: Inbox, subscribers: Sequence[SubscriberOptions]) -> None:
        self.inbox = inbox
        self.clock = WallClock(inbox.clock)
        self.carried = Carried()
        self.observed = Observed()
        self.fields: dict[str, Secret] = {}
        self.dispatcher = Dispatcher(
            inbox.store,
            self.carried,
            InboxOptions(subscribers=tuple(subscribers), schedule=(5.0, 30.0)),
            fields=lambda: self.fields,
            clock=self.clock,
            random=lambda: 0.5,
            observer=self.observed,
            on_event=self.observed.say,
        )
        self.names = [one.name for one in subscribers]

    async def add(self, webhook_id: str, **values: Any) -> None:
        at = self.inbox.clock.unix()
        made = arrival(webhook_id, received=at, **values)
        await self.inbox.store.add(made, self.names)
        self.dispatcher.wake()

    async def drained(self) -> None:
        """Wait until each queue has looked, and found nothing more."""
        async with asyncio.timeout(20):
            queues = self.dispatcher._queues.values()
            while any(one._waiting or not one._next_known for one in queues):  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def begun(self, count: int = 1) -> None:
        """Wait until something is under way."""
        async with asyncio.timeout(20):
            while self.carried.begun < count:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)

    async def tried(self, count: int) -> None:
        """Wait until so many tries were made and noted."""
        async with asyncio.timeout(20):
            while len(self.observed.deliveries) < count or self.dispatcher.under_way:
                self.dispatcher.wake()
                await asyncio.sleep(0.01)

    async def until(self, state: str, count: int, *, wake: bool = True) -> None:
        """Wait until so many deliveries are in a state."""
        async with asyncio.timeout(20):
            while list((await self.inbox.states()).values()).count(state) < count:
                if wake:
                    self.dispatcher.wake()
                await asyncio.sleep(0.01)


def subscriber(name: str = "a", **values: Any) -> SubscriberOptions:
    return SubscriberOptions(name=name, url="http://x", events=("*",), **values)


@asynccontextmanager
async def running(
    inbox: Inbox, *subscribers: SubscriberOptions
) -> AsyncIterator[Scene]:
    scene = Scene(inbox, subscribers or [subscriber()])
    task = asyncio.get_running_loop().create_task(scene.dispatcher.run())
    try:
        yield scene
    finally:
        task.cancel()
        await asyncio.wait([task])
