"""Lock: one run at a time, and no lock without an end."""

import pytest

from gateway.rotation.lock import SKEW, Lock, LockHeld, lock_end
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
    """It slept, and another run went on."""
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


async def test_a_lock_from_the_future_runs_out_like_any_other(world: World) -> None:
    """A holder whose clock was 400 days ahead died: no run could rotate till then."""
    ahead = FakeClock(unix=world.clock.unix() + 400 * 86_400)
    await Lock(DictStore(world), holder="a", ttl=60.0, clock=ahead).__aenter__()
    with pytest.raises(LockHeld) as caught:
        async with lock(world, "b"):
            raise AssertionError
    world.clock.advance(60 + SKEW + 1)

    async with lock(world, "b"):
        assert world.state["lock_holder"] == "b"

    assert caught.value.until < world.clock.unix()


@pytest.mark.parametrize(
    ("until", "written", "end"),
    [
        pytest.param(1060.0, 1000.0, 1060.0, id="honest"),
        pytest.param(1100.0, 1000.0, 1100.0, id="a clock a little ahead"),
        pytest.param(9e9, 1000.0, 1120.0, id="a clock far ahead"),
        pytest.param(9e9, None, 9e9, id="a store that does not tell"),
    ],
)
def test_a_lock_is_believed_for_as_long_as_its_write_holds_it(
    until: float, written: float | None, end: float
) -> None:
    """The store's own clock bounds what another's says."""
    assert lock_end(until, written, ttl=60.0) == end


async def test_a_broken_lock_is_free_and_the_state_stays(world: World) -> None:
    """A run that is dead for sure need not be waited for."""
    held = lock(world, "a")
    await held.__aenter__()
    await held.write(State("id1", "stored", 0.0, 0.0, "old", "new"))

    broken = await lock(world, "b").break_open()

    assert broken is not None
    assert (broken.holder, broken.until) == ("a", world.clock.unix() + 60)
    assert (world.state["phase"], world.state["lock_holder"]) == ("stored", "")
    with pytest.raises(Conflict):
        await held.renew()  # it lives after all, and must not go on


async def test_a_free_lock_is_not_broken(world: World) -> None:
    """Nothing is written then: a run that begins meanwhile is not stopped."""
    held = lock(world, "a")
    await held.__aenter__()
    world.clock.advance(61)
    before = world.state_version

    assert await lock(world, "b").break_open() is None
    assert world.state_version == before


async def test_a_lock_whose_end_is_damaged_can_be_broken(world: World) -> None:
    """Everything else refuses to read it."""
    world.state = {"lock_holder": "a", "lock_until": "soon"}

    assert await lock(world, "b").break_open() is not None

    async with lock(world, "b"):
        assert world.state["lock_holder"] == "b"
