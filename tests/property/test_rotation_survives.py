"""Random rotations: killed anywhere, slept through, aborted, with credentials that die.

Whatever happens, gateways have a credential that works as long as one does, and at the
end there is one credential and no rotation that stands still.
"""

import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from gateway.rotation.lock import LockHeld
from gateway.rotation.options import RotationOptions
from gateway.rotation.ports import Conflict, StepFailed
from gateway.rotation.rotation import Progress, Rotation
from tests.rotation.scene import DAY, SWIFT, Crash, Scene

Action = Callable[[], Awaitable[Progress]]
SPANS = (
    SWIFT,
    RotationOptions(lock_ttl=60),
    RotationOptions(canary=0, soak=1000, idle=0, lock_ttl=60),
)
WAITS = (1, 61, 200, 700, 8000, 90_000)  # s
STORE = ("secret", "change", "state", "write_state")
DINIE = ("create", "credentials", "prove", "revoke")
GROUPS, EACH = 8, 40


async def act(run: Action) -> None:
    """Do something that may fail in the ways that are said."""
    with suppress(StepFailed, Conflict, LockHeld, Crash):
        await run()


def chosen(scene: Scene, dice: random.Random) -> Action:
    actions: list[Action] = [scene.run, scene.run, scene.abort]
    actions.append(partial(scene.run, now=True))
    return dice.choice(actions)


def assert_works(scene: Scene) -> None:
    """Assert that gateways have a credential that Dinie takes."""
    world, client_id = scene.world, scene.world.secret["client_id"]
    assert client_id in world.known, (client_id, list(world.known))
    assert client_id not in world.broken
    assert world.secret["client_secret"] == f"s-{client_id}"


def lose_one(scene: Scene, dice: random.Random) -> None:
    """Let a credential die while another of the rotation works.

    Whether Vault still holds that other one's secret is what is being tested.
    """
    world = scene.world
    known = {world.secret["client_id"], world.secret.get("next_client_id", "")}
    if scene.phase not in {"done", "aborted"}:
        known |= {world.state.get(f"{one}_client_id", "") for one in ("old", "new")}
    alive = sorted(known & set(world.known))
    # The old one may be gone within the moment, whatever is written down.
    if len(alive) > 1 and not world.broken and scene.phase != "deleting":
        world.broken = {dice.choice(alive)}


def promote_by_hand(scene: Scene) -> None:
    """Put the next credential in force, as an impatient human would; next_* stays."""
    client_id = scene.world.secret.get("next_client_id", "")
    if client_id in scene.world.known and client_id not in scene.world.broken:
        scene.puts(client_id)


async def end(scene: Scene) -> None:
    """Run it to its end, as a scheduled job and, where that is not enough, a human."""
    for again in (scene.run, scene.abort, scene.run):
        for _ in range(12):
            if scene.phase in {"done", "aborted", ""}:
                return
            scene.clock.advance(DAY + 1)
            await act(again)


def assert_tidy(scene: Scene) -> None:
    """Assert that one credential is left, and nothing half done."""
    assert scene.phase in {"done", "aborted", ""}
    assert_works(scene)
    assert list(scene.world.known) == [scene.world.secret["client_id"]]
    assert not [name for name in scene.world.secret if name.startswith("next_")]


@pytest.mark.parametrize("group", range(GROUPS))
async def test_kills_aborts_and_deaths_leave_one_that_works(group: int) -> None:
    """At any write, before or after it took effect, again and again."""
    for seed in range(group * EACH, (group + 1) * EACH):
        dice = random.Random(seed)
        scene = Scene(dice.choice(SPANS))
        world, deaths = scene.world, dice.random() < 0.4
        for _ in range(dice.randint(3, 14)):
            if dice.random() < 0.5:
                world.crash_at = world.writes + dice.randint(1, 14)
                world.before = dice.random() < 0.5
            if deaths and dice.random() < 0.2:
                lose_one(scene, dice)
            await act(chosen(scene, dice))
            world.restart()
            if not world.broken:
                assert_works(scene)
            if dice.random() < 0.1:
                promote_by_hand(scene)
            scene.clock.advance(dice.choice(WAITS))

        await end(scene)
        assert_tidy(scene)


class Sleeper:
    """Makes a run sleep through its lock in one of its calls, while others act."""

    def __init__(self, scene: Scene, dice: random.Random, *, deaths: bool) -> None:
        self.scene, self.dice, self.deaths = scene, dice, deaths
        self.left, self.early = dice.randint(1, 14), dice.random() < 0.5
        if dice.random() < 0.3:
            # Where it hurts: between the proof and the write of the gateways' secret.
            self.calls, self.left, self.early = {"change"}, 1, True
        else:
            self.calls = {*STORE, *DINIE}

    def run(self) -> Rotation:
        context = self.scene.context()
        for name in STORE:
            self._watch(context.store, name)
        for name in DINIE:
            self._watch(context.dinie, name)
        return self.scene.process(context)

    def _watch(self, part: Any, name: str) -> None:
        real = getattr(part, name)

        async def call(*args: Any, **more: Any) -> Any:
            self.left -= name in self.calls
            mine = self.left == 0 and name in self.calls
            # A revocation that is on its way cannot be called back, and a renewal of
            # the lock may be the one before it: then nobody dies.
            deaths = self.deaths and name not in {"revoke", "write_state"}
            if mine and self.early:
                await self._others(deaths=deaths)
            said = await real(*args, **more)
            if mine and not self.early:
                await self._others(deaths=deaths)
            return said

        setattr(part, name, call)

    async def _others(self, *, deaths: bool) -> None:
        scene, dice = self.scene, self.dice
        scene.clock.advance(dice.choice([61, 200, 800]))
        for _ in range(dice.randint(1, 3)):
            if deaths and dice.random() < 0.5:
                lose_one(scene, dice)
            await act(chosen(scene, dice))
            scene.clock.advance(dice.choice(WAITS))


@pytest.mark.parametrize("group", range(GROUPS))
async def test_runs_that_sleep_through_their_lock_leave_one_that_works(
    group: int,
) -> None:
    """Whatever others did meanwhile: went on, went back, began anew."""
    for seed in range(group * EACH, (group + 1) * EACH):
        dice = random.Random(seed)
        scene = Scene(dice.choice(SPANS))
        deaths = dice.random() < 0.5
        for _ in range(dice.randint(1, 6)):
            run = Sleeper(scene, dice, deaths=deaths).run()
            actions: list[Action] = [run.run, run.abort, partial(run.run, now=True)]
            await act(dice.choice(actions))
            if not scene.world.broken:
                assert_works(scene)
            scene.clock.advance(dice.choice(WAITS))

        await end(scene)
        await act(partial(scene.run, now=True))  # clears what was left behind
        await end(scene)
        assert_tidy(scene)
