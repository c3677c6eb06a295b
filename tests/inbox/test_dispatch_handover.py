"""Arrivals leased as they are stored: delivered at once, and never twice."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from gateway.inbox.policy import AttemptResult
from gateway.inbox.ports import StoreUnavailable
from tests.inbox.dispatching import Scene, running, subscriber
from tests.inbox.scene import Inbox, arrival, opened


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db") as inbox:
        await inbox.database.write(lambda _: None)
        yield inbox


class Claims:
    """Counts the looks of each queue into the store."""

    def __init__(self, inbox: Inbox) -> None:
        self.of: list[str] = []
        self._claim = inbox.store.claim
        inbox.store.claim = self._count  # type: ignore[method-assign,assignment]

    async def _count(self, name: str, **more: Any) -> Any:
        self.of.append(name)
        return await self._claim(name, **more)


async def settled(scene: Scene, count: int) -> None:
    await scene.until("delivered", count, wake=False)


async def test_what_arrives_is_handed_over_without_a_look_into_the_store(
    inbox: Inbox,
) -> None:
    """A commit and a read for each event and subscriber cost more than the POST."""
    claims = Claims(inbox)
    async with running(inbox, subscriber("a"), subscriber("b")) as scene:
        await scene.drained()
        looks = len(claims.of)
        for number in range(20):
            made = arrival(f"evt_{number}", received=inbox.clock.unix())
            await scene.dispatcher.add(made, ["a"])
            await settled(scene, number + 1)

    assert looks == 2  # each queue's first
    assert len(claims.of) == looks
    assert scene.carried.brought == [("a", f"evt_{number}") for number in range(20)]
    assert set((await inbox.states()).values()) == {"delivered"}


async def test_a_known_id_is_not_handed_over_again(inbox: Inbox) -> None:
    """Dinie repeats what it got no answer to."""
    async with running(inbox) as scene:
        await scene.drained()
        made = arrival("evt_1", received=inbox.clock.unix())
        stored = [await scene.dispatcher.add(made, ["a"]) for _ in range(3)]
        await settled(scene, 1)

    assert [one.result for one in stored] == ["accepted", "duplicate", "duplicate"]
    assert scene.carried.brought == [("a", "evt_1")]


async def test_what_was_not_stored_takes_no_place(inbox: Inbox) -> None:
    """A disk that was full for a moment must not stop a subscriber for ever."""
    add = inbox.store.add

    async def full(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("the disk is full: make room")

    async with running(inbox) as scene:
        await scene.drained()
        inbox.store.add = full  # type: ignore[method-assign]
        for _ in range(10):
            with pytest.raises(StoreUnavailable):
                await scene.dispatcher.add(arrival("evt_1"), ["a"])
        inbox.store.add = add  # type: ignore[method-assign]
        await scene.dispatcher.add(arrival("evt_1", received=inbox.clock.unix()), ["a"])
        await settled(scene, 1)

    assert scene.carried.brought == [("a", "evt_1")]


async def test_what_has_no_place_waits_its_turn_in_the_store(inbox: Inbox) -> None:
    """More arrive than a subscriber takes; none is lost, none goes twice."""
    async with running(inbox, subscriber("a"), subscriber("o", ordered=True)) as scene:
        await scene.drained()
        for number in range(50):
            made = arrival(f"evt_{number}", received=inbox.clock.unix())
            await scene.dispatcher.add(made, ["a", "o"])
        await settled(scene, 100)

    brought = scene.carried.brought
    assert len(brought) == len(set(brought)) == 100
    in_order = [webhook_id for name, webhook_id in brought if name == "o"]
    assert in_order == [f"evt_{number}" for number in range(50)]


async def test_one_that_said_410_is_handed_nothing(inbox: Inbox) -> None:
    """Also after a restart, when only the store knows of it."""
    async with running(inbox) as scene:
        scene.carried.answer = lambda *_: AttemptResult(410)
        await scene.add("evt_1")
        await scene.tried(1)
    async with running(inbox) as scene:
        await scene.drained()
        await scene.dispatcher.add(arrival("evt_2", received=inbox.clock.unix()), ["a"])
        await scene.drained()

    assert scene.carried.brought == []
    assert set((await inbox.states()).values()) == {"pending"}
