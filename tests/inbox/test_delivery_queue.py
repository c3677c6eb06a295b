"""A queue: leases what it attempts, and reads the store only when it must."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.inbox.ports import Settlement
from tests.inbox.dispatching import running, subscriber
from tests.inbox.scene import Inbox, arrival, opened


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db") as inbox:
        await inbox.database.write(lambda _: None)
        yield inbox


async def test_no_more_is_leased_than_is_tried(inbox: Inbox) -> None:
    """A lease that runs out in a queue is another gateway's, and out of order."""
    async with running(inbox, subscriber(ordered=True)) as scene:
        scene.carried.block("a")
        for number in range(40):
            await scene.add(f"evt_{number}", entity=f"cust_{number}")
        await scene.begun(8)
        leased = list((await inbox.states()).values()).count("delivering")
        begun = scene.carried.begun
        scene.carried.hold["a"].set()
        await scene.until("delivered", 40)

    assert leased == begun == 8


async def test_a_lease_that_may_end_under_a_try_is_not_used(inbox: Inbox) -> None:
    """The process slept since: what follows may have been delivered by another one."""
    async with running(inbox) as scene:
        await scene.drained()
        await inbox.store.add(arrival("evt_1"), ["a"])
        (late,) = await inbox.store.claim("a", most=1, ordered=False)
        inbox.clock.advance(59.0)

        noted = await scene.dispatcher._queues["a"]._attempts.make(late)

    assert noted is None
    assert scene.carried.brought == []


async def test_nobody_looks_for_what_is_told(inbox: Inbox) -> None:
    """Forty subscribers that look each second are a load on their own."""
    async with running(inbox) as scene:
        await scene.drained()
        queue = scene.dispatcher._queues["a"]
        idle = queue._pause()
        await inbox.store.add(arrival("evt_1"), ["a"])
        (one,) = await inbox.store.claim("a", most=1, ordered=False)
        again = Settlement(one.seq, "a", "retry", 1, 20.0, 500, "")
        await inbox.store.settle(again)
        queue.wake()
        await scene.drained()
        until_due = queue._pause()

    assert idle == 30.0
    assert until_due == 20.0


async def test_what_another_process_put_there_is_delivered(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replay from the command line works on the same file."""
    monkeypatch.setattr("gateway.inbox.dispatch.STORE_RETRY", 0.05)
    async with running(inbox) as scene:
        await scene.drained()
        async with opened(inbox.database.path, inbox.clock, "cli") as other:
            await other.store.add(arrival("evt_1"), ["a"])
        await scene.until("delivered", 1, wake=False)

    assert scene.carried.brought == [("a", "evt_1")]
