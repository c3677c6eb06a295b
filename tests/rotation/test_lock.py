"""Lock: one run at a time, and none for ever."""

import pytest

from gateway.rotation.lock import Lock, LockHeld
from gateway.rotation.policy import State
from gateway.rotation.ports import Conflict, StepFailed
from tests.fakes import FakeClock
from tests.rotation.scene import DictStore, World


@pytest.fixture
def world() -> World:
    return World(FakeClock())


def lock(world: World, holder: str) -> Lock:
    return Lock(DictStore(world), holder=holder, ttl=60.0, clock=world.clock)


async def test_a_second_run_is_told_who_and_until_when(world: World) -> None:
    """So that a human knows whether to wait."""
    async with lock(world, "a"):
        with pytest.raises(LockHeld) as caught:
            async with lock(world, "b"):
                raise AssertionError

    assert (caught.value.holder, caught.value.until) == ("a", world.clock.unix() + 60)


async def test_the_lock_is_free_afterwards(world: World) -> None:
    """Also where a step failed."""
    with pytest.raises(StepFailed):
        async with lock(world, "a"):
            raise StepFailed

    async with lock(world, "b"):
        assert world.state["lock_holder"] == "b"


async def test_a_dead_holders_lock_runs_out(world: World) -> None:
    """A node that went away must not end all rotations."""
    held = lock(world, "a")
    await held.__aenter__()
    world.clock.advance(61)

    async with lock(world, "b"):
        assert world.state["lock_holder"] == "b"


async def test_a_holder_whose_lock_ran_out_writes_nothing_more(world: World) -> None:
    """It slept, and somebody else went on."""
    slow = lock(world, "a")
    await slow.__aenter__()
    world.clock.advance(61)
    async with lock(world, "b") as other:
        await other.write(State("id1", "stored", 0.0, 0.0, "old", "new"))

        with pytest.raises(Conflict):
            await slow.write(State("id1", "creating", 0.0, 0.0, "old"))

    assert world.state["phase"] == "stored"


async def test_a_write_renews_the_lock(world: World) -> None:
    """A long rotation with --wait goes on under one holder."""
    async with lock(world, "a") as held:
        world.clock.advance(50)
        await held.write(State("id1", "stored", 0.0, 0.0, "old", "new"))
        world.clock.advance(50)

        with pytest.raises(LockHeld):
            async with lock(world, "b"):
                raise AssertionError


async def test_a_damaged_state_stops_everybody(world: World) -> None:
    """Nothing is revoked on a guess."""
    world.state = {"id": "1", "phase": "nonsense"}

    with pytest.raises(StepFailed, match="damaged"):
        async with lock(world, "a"):
            raise AssertionError
