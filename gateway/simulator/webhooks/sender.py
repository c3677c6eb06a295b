"""Sends webhooks to the endpoints, with retries, and notes who acknowledged them.

One task carries one delivery (an event for an endpoint) through all its attempts;
only the sending itself takes one of the few places.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import orjson
from aiohttp import (
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
)

from gateway.core.clock import Clock
from gateway.core.retry_after import retry_after
from gateway.simulator.ids import Ids
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.webhooks.deliveries import Attempt, Delivery, is_ok
from gateway.simulator.webhooks.events import Event, subscribed
from gateway.simulator.webhooks.faults import (
    LARGE,
    STALE,
    UNKNOWN_TYPE,
    Dice,
    WebhookFaults,
    at_start,
    changed,
)
from gateway.simulator.webhooks.signing import sign
from gateway.simulator.world import Record, World

_GONE = 410


@dataclass(slots=True, eq=False)
class _Run:
    """One carrying of a delivery: there are two for a duplicate."""

    event: Event
    delivery: Delivery
    dice: Dice
    faults: WebhookFaults


class WebhookSender:
    """Sends events to the endpoints of a world, signed, until they are acknowledged.

    `emit` may be called from any thread, and before `start`.
    """

    def __init__(self, world: World) -> None:
        self._session: ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs: set[_Run] = set()
        self._held: list[_Run] = []
        self.reset(world)

    def reset(self, world: World) -> None:
        """Give up what is under way, and begin anew with another world."""
        for task in self._tasks:
            task.cancel()
        self._runs.clear()
        self._held.clear()
        self._world = world
        self._slots = asyncio.Semaphore(self._options.webhook_concurrency)
        # Not the world's own source: events do not change the ids of records.
        self._ids = Ids(self._options.seed + 2)
        self.faults = at_start(self._options)
        self.journal: list[Delivery] = []

    @property
    def _options(self) -> SimulatorOptions:
        return self._world.options

    @property
    def _clock(self) -> Clock:
        return self._world.clock

    @property
    def under_way(self) -> int:
        """Return how many deliveries are being sent, or wait for their next attempt."""
        return len(self._runs)

    def acknowledged(self) -> set[str]:
        """Return the ids of webhooks that an endpoint answered with 2xx."""
        return {one.webhook_id for one in self.journal if one.acknowledged}

    def fault(self, **given: Any) -> None:
        """Set some faults for what is emitted from now on; see `WebhookFaults`.

        Raises:
            Refusal: 400.
        """
        self.faults = changed(self.faults, given)

    def clear_faults(self) -> None:
        """Send everything well from now on."""
        self.faults = WebhookFaults()

    def emit(self, event_type: str, data: Record) -> str:
        """Tell all endpoints that want it; return the webhook's id."""
        identifier = self._ids.new("evt")
        dice = Dice(self._options.seed, identifier)
        if dice.hits(self.faults.large_body):
            data = {**data, "padding": "x" * LARGE}
        self._publish(identifier, event_type, data)
        if dice.hits(self.faults.unknown_type):
            self._publish(self._ids.new("evt"), UNKNOWN_TYPE, {"id": identifier})
        return identifier

    async def start(self) -> None:
        """Send from this loop, first what was emitted before."""
        self._loop = asyncio.get_running_loop()
        held, self._held = self._held, []
        for run in held:
            self._launch(run)

    async def stop(self) -> None:
        """Give up what is under way and close all connections."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._runs.clear()
        self._held.clear()
        self._loop = None
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def settled(self) -> None:
        """Wait until all is acknowledged or given up."""
        while self._runs or self._tasks:
            if self._tasks:
                await asyncio.wait(self._tasks)
            else:
                await self._clock.sleep(0)  # its task comes with the loop's next turn

    def _publish(self, identifier: str, event_type: str, data: Record) -> None:
        event = Event(identifier, event_type, self._world.now(), orjson.dumps(data))
        for endpoint in list(self._world.kinds["endpoints"].values()):
            wanted = subscribed(endpoint.get("events"), event_type)
            if wanted and self._keys(endpoint):
                self._deliver(event, endpoint["id"])

    def _keys(self, endpoint: Record | None) -> list[bytes]:
        """Return what to sign with; nothing where nothing may be sent."""
        if endpoint is None or endpoint.get("status") != "active":
            return []
        now = self._clock.unix()
        return self._world.secrets.keys(endpoint["id"], now=now)

    def _deliver(self, event: Event, endpoint_id: str) -> None:
        delivery = Delivery(event.id, event.type, endpoint_id)
        self.journal.append(delivery)
        seed = (self._options.seed, event.id, endpoint_id)
        twice = Dice(*seed).hits(self.faults.duplicates)
        for copy in range(2 if twice else 1):
            run = _Run(event, delivery, Dice(*seed, copy), self.faults)
            self._runs.add(run)
            if self._loop is None:
                self._held.append(run)
            else:
                # Tests step the world from other threads than the simulator's.
                self._loop.call_soon_threadsafe(self._launch, run)

    def _launch(self, run: _Run) -> None:
        if self._loop is None or run not in self._runs:
            return  # stopped or reset meanwhile
        # Owned: `stop` joins what `reset` or the schedule has not ended.
        task = self._loop.create_task(self._carry(run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, run: _Run) -> None:
        """Bring a delivery to its endpoint, attempt by attempt."""
        speed, least = self._options.webhook_speed, 0.0
        try:
            if run.dice.hits(run.faults.reordering):
                await self._clock.sleep(run.dice.up_to(run.faults.reorder_max))
            for pause in self._options.webhook_schedule:
                if (wait := max(pause, least) / speed) > 0:
                    await self._clock.sleep(wait)
                again = await self._attempt(run)
                if again is None:
                    return
                least = again
        finally:
            self._runs.discard(run)

    async def _attempt(self, run: _Run) -> float | None:
        """Send once; return how long the endpoint wants to be left alone (s).

        Returns:
            None: there is nothing more to do.
        """
        async with self._slots:
            world, delivery = self._world, run.delivery
            endpoint = world.kinds["endpoints"].get(delivery.endpoint_id)
            keys = self._keys(endpoint)
            if endpoint is None or not keys:
                return None
            headers, body, faults = self._signed(run, keys)
            attempt = Attempt(self._clock.unix(), faults)
            delivery.history.append(attempt)
            attempt.status, least = await self._post(endpoint["url"], headers, body)
        if attempt.status == _GONE:
            world.touch(endpoint, status="disabled")
            return None
        return None if is_ok(attempt.status) else least

    def _signed(
        self, run: _Run, keys: list[bytes]
    ) -> tuple[dict[str, str], bytes, list[str]]:
        """Return headers and body of one attempt, and the faults in them."""
        dice, likely, event = run.dice, run.faults, run.event
        body = event.body(f"dlv_{dice.bytes(16).hex()}", sdk=self._world.sdk)
        timestamp, faults = int(self._clock.unix()), []
        if dice.hits(likely.stale_timestamp):
            timestamp -= STALE
            faults.append("stale_timestamp")
        if dice.hits(likely.bad_signature):
            keys = [dice.bytes(32) for _ in keys]
            faults.append("bad_signature")
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "Dinie-Simulator",
            "webhook-id": event.id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(keys, event.id, timestamp, body),
        }
        return headers, body, faults

    async def _post(
        self, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, float]:
        """Return the status, 0 without an answer, and what Retry-After asks (s)."""
        if self._session is None:
            self._session = ClientSession(
                timeout=ClientTimeout(total=self._options.webhook_timeout),
                connector=TCPConnector(limit=0),  # there are only so many places
                cookie_jar=DummyCookieJar(),
            )
        post = self._session.post
        try:
            async with post(
                url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                wait = retry_after(answer.headers, unix=self._clock.unix())
                return answer.status, wait or 0.0
        except (ClientError, OSError, TimeoutError, ValueError):
            return 0, 0.0
