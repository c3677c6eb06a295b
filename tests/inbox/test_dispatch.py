"""The dispatcher: each subscriber gets each delivery, and none waits for another."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from gateway.core.clock import SystemClock
from gateway.core.secret import Secret
from gateway.inbox.policy import AttemptResult
from gateway.inbox.ports import StoreUnavailable
from tests.inbox.dispatching import running, subscriber
from tests.inbox.scene import BODY, SECRET, Inbox, arrival, opened


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db") as inbox:
        await inbox.queries.probe(1)
        yield inbox


async def test_what_arrives_is_brought_once(inbox: Inbox) -> None:
    """With its id, its type, and Dinie's own signature where there is no other."""
    async with running(inbox) as scene:
        await scene.add("evt_1")
        await scene.until("delivered", 1)

    assert scene.carried.brought == [("a", "evt_1")]
    assert scene.carried.headers == [
        {
            "Content-Type": "application/json",
            "webhook-id": "evt_1",
            "webhook-timestamp": "1790000000",
            "webhook-signature": "v1,x",
            "X-Gateway-Event-Type": "customer.active",
        }
    ]
    assert scene.observed.deliveries == [("a", "delivered")]


async def test_a_subscriber_with_a_secret_gets_a_fresh_signature(
    inbox: Inbox,
) -> None:
    """A delivery that waited for hours would be too old for it otherwise."""
    inbox.clock.advance(SystemClock.unix() - inbox.clock.unix())
    async with running(inbox, subscriber(secret="hook")) as scene:
        scene.fields["hook"] = Secret(SECRET)
        await scene.add("evt_1", synthetic=True)
        await scene.until("delivered", 1)

    (headers,) = scene.carried.headers
    assert Webhook(SECRET).verify(BODY, headers)["type"] == "customer.active"
    assert headers["X-Gateway-Synthetic"] == "true"


async def test_without_its_secret_a_subscriber_waits(inbox: Inbox) -> None:
    """It was told to trust a signature of its own: no other will do."""
    async with running(inbox, subscriber(secret="hook")) as scene:
        await scene.add("evt_1")
        await asyncio.sleep(0.05)
        waiting = dict(await inbox.states())
        scene.fields["hook"] = Secret(SECRET)
        await scene.until("delivered", 1)

    assert waiting == {"evt_1 a": "pending"}
    assert [event for event, _ in scene.observed.events].count(
        "deliveries_stopped"
    ) == 1


async def test_a_failure_is_tried_again_on_schedule_and_then_dead(
    inbox: Inbox,
) -> None:
    """The last try is followed by a human."""
    async with running(inbox) as scene:
        scene.carried.answer = lambda *_: AttemptResult(500)
        await scene.add("evt_1")
        await scene.tried(1)
        inbox.clock.advance(4.9)
        await asyncio.sleep(0.05)
        too_early = len(scene.observed.deliveries)
        inbox.clock.advance(0.2)
        await scene.tried(2)
        inbox.clock.advance(30.1)
        await scene.until("dead", 1)

    assert too_early == 1
    assert scene.observed.deliveries == [("a", "retry"), ("a", "retry"), ("a", "dead")]


async def test_a_subscriber_that_hangs_holds_up_nobody_else(inbox: Inbox) -> None:
    """A queue for each."""
    async with running(inbox, subscriber("slow"), subscriber("quick")) as scene:
        scene.carried.hold["slow"] = asyncio.Event()
        for number in range(50):
            await scene.add(f"evt_{number}")
        await scene.until("delivered", 50)
        brought = {name for name, _ in scene.carried.brought}
        held = scene.dispatcher.under_way
        scene.carried.hold["slow"].set()
        await scene.until("delivered", 100)

    assert brought == {"quick"}
    assert 0 < held <= 32


async def test_one_that_wants_no_more_is_left_in_peace(inbox: Inbox) -> None:
    """What comes for it is kept until somebody enables it."""
    async with running(inbox) as scene:
        scene.carried.answer = lambda *_: AttemptResult(410)
        await scene.add("evt_1")
        await asyncio.sleep(0.05)
        await scene.add("evt_2")
        inbox.clock.advance(100)
        await asyncio.sleep(0.05)
        while_disabled = list(scene.carried.brought)
        counts = await inbox.queries.counts()
        scene.carried.answer = lambda *_: AttemptResult(200)
        await inbox.queries.enable("a")
        await scene.until("delivered", 2)

    assert while_disabled == [("a", "evt_1")]
    assert counts.disabled == ("a",)
    assert counts.pending == 2


async def test_an_ordered_lane_brings_one_after_another_for_an_entity(
    inbox: Inbox,
) -> None:
    """And does not hold up other entities meanwhile."""
    async with running(inbox, subscriber(ordered=True)) as scene:
        scene.carried.answer = lambda _, headers: AttemptResult(
            500 if headers["webhook-id"] == "evt_1" else 200
        )
        for number, entity in enumerate(["x", "x", "y", "", ""], start=1):
            await scene.add(f"evt_{number}", entity=entity)
        await scene.until("delivered", 3)
        first = sorted(one for _, one in scene.carried.brought)
        scene.carried.answer = lambda *_: AttemptResult(200)
        inbox.clock.advance(6)
        await scene.until("delivered", 5)

    assert first == ["evt_1", "evt_3", "evt_4", "evt_5"]
    assert [one for _, one in scene.carried.brought][-2:] == ["evt_1", "evt_2"]


async def test_a_dead_subscriber_keeps_the_tries_of_what_waits(inbox: Inbox) -> None:
    """After ten failures in a row nobody is asked for a while."""
    async with running(inbox) as scene:
        scene.carried.answer = lambda *_: AttemptResult(None, error="connect")
        for number in range(40):
            await scene.add(f"evt_{number}")
        await asyncio.sleep(0.3)
        tried = len(scene.carried.brought)
        states = await inbox.states()
        # What was given back is due at once, for whoever comes with a closed circuit.
        due = await inbox.store.claim("a", most=99, ordered=False)

    assert 10 <= tried <= 18  # those that were under way when it opened
    assert len(due) >= 20
    assert set(states.values()) <= {"pending", "delivering"}


async def test_what_was_brought_is_noted_however_long_the_store_takes(
    inbox: Inbox,
) -> None:
    """Otherwise the subscriber would get it again."""
    settle, failures = inbox.store.settle, 1

    async def failing(settlement: Any) -> None:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("the disk is full: make room")
        await settle(settlement)

    inbox.store.settle = failing  # type: ignore[method-assign]
    async with running(inbox) as scene:
        scene.dispatcher._queues["a"]._clock = inbox.clock
        await scene.add("evt_1")
        await scene.until("delivered", 1)

    assert scene.carried.brought == [("a", "evt_1")]


async def test_a_store_that_is_away_is_asked_again(inbox: Inbox) -> None:
    """And said once, not every second."""
    claim, away = inbox.store.claim, True

    async def failing(name: str, **more: Any) -> Any:
        if away:
            raise StoreUnavailable("the disk fails: look at the node")
        return await claim(name, **more)

    inbox.store.claim = failing  # type: ignore[method-assign,assignment]
    async with running(inbox) as scene:
        await scene.add("evt_1")
        for _ in range(3):
            await asyncio.sleep(0.02)
            scene.dispatcher.wake()
        away = False
        await scene.until("delivered", 1)

    said = [fields for event, fields in scene.observed.events if "stopped" in event]
    assert said == [{"subscriber": "a", "reason": "the disk fails: look at the node"}]


async def test_after_a_stop_nothing_further_is_begun(inbox: Inbox) -> None:
    """What was begun is finished; the rest is the next gateway's."""
    async with running(inbox) as scene:
        scene.carried.hold["a"] = asyncio.Event()
        await scene.add("evt_1")
        await scene.begun()
        scene.dispatcher.stop()
        await scene.add("evt_2")
        scene.carried.hold["a"].set()
        await scene.until("delivered", 1)
        await asyncio.sleep(0.05)

    assert scene.carried.brought == [("a", "evt_1")]


async def test_a_fault_of_ours_ends_neither_lane_nor_gateway(inbox: Inbox) -> None:
    """One delivery that breaks something must not keep back all others."""
    claim, faults = inbox.store.claim, 1

    async def failing(name: str, **more: Any) -> Any:
        nonlocal faults
        if faults:
            faults -= 1
            raise LookupError("a mistake")
        return await claim(name, **more)

    inbox.store.claim = failing  # type: ignore[method-assign,assignment]
    async with running(inbox) as scene:
        send = scene.carried.send

        async def broken(*given: Any) -> AttemptResult:
            if dict(given[1])["webhook-id"] == "evt_1":
                raise LookupError("another")
            return await send(*given)

        scene.carried.send = broken  # type: ignore[method-assign,assignment]
        await scene.add("evt_1")
        await scene.add("evt_2")
        await scene.until("delivered", 1)

    said = {fields.get("reason") for _, fields in scene.observed.events}
    assert "a fault of the gateway's: LookupError" in said
    assert scene.carried.brought == [("a", "evt_2")]


async def test_one_bad_kind_does_not_hold_up_the_others(inbox: Inbox) -> None:
    """The subscriber has a fault for one type, and takes everything else."""
    async with running(inbox) as scene:
        scene.carried.answer = lambda _, named: AttemptResult(
            500 if named["webhook-id"].startswith("bad") else 200
        )
        for number in range(12):
            await scene.add(f"bad_{number}")
        await scene.tried(10)
        await scene.add("good")

        async with asyncio.timeout(20):
            while ("a", "good") not in scene.carried.brought:
                scene.clock.ahead += 60.0  # a probe of a bad kind opens it again
                scene.dispatcher.wake()
                await asyncio.sleep(0.01)
        await scene.until("delivered", 1)

    assert ("a", "good") in scene.carried.brought


async def test_after_a_410_nothing_leased_goes_out(inbox: Inbox) -> None:
    """It wants no more of anything."""
    async with running(inbox) as scene:
        scene.carried.answer = lambda *_: AttemptResult(410)
        for number in range(30):
            await inbox.store.add(arrival(f"evt_{number}"), ["a"])
        scene.dispatcher.wake()
        await scene.begun()
        async with asyncio.timeout(20):
            while scene.dispatcher.under_way:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)

    assert scene.carried.begun <= 8  # those that were under way
