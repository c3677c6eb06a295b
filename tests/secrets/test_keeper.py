"""Are the last good secrets kept, and new ones taken as soon as they are there?"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.secret import Secret
from gateway.secrets.keeper import SecretKeeper
from gateway.secrets.ports import (
    SecretSet,
    SecretsUnavailable,
    Verdict,
    required,
)
from tests.fakes import FakeClock


def secret_set(version: str) -> SecretSet:
    """Return a set of one version."""
    fields = {"client_id": Secret("id"), "client_secret": Secret(f"secret-{version}")}
    return required(fields, where="x", version=version)


class Provider:
    """Gives what it is told, in turn; the last answer stays."""

    name, ends_in = "fake", None

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.reads = 0
        self.longest_pause = float("inf")
        self.gate: asyncio.Event | None = None
        self.closed = False
        self.same_pair = False

    async def read(self) -> SecretSet:
        self.reads += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        made = secret_set(answer)
        if self.same_pair:
            return replace(made, client_secret=Secret("secret-1"))
        return made

    async def close(self) -> None:
        self.closed = True


class Scene:
    """A keeper and everything that it tells others."""

    def __init__(
        self, provider: Provider, *, refresh: float = 60, random: float = 0.5
    ) -> None:
        self.provider = provider
        self.clock = FakeClock()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.refused: Counter[str] = Counter()
        self.changes: list[str | None] = []
        self.wrong: set[str] = set()
        self.keeper = SecretKeeper(
            provider,
            guard=lambda found: ["wrong one"] if found.version in self.wrong else [],
            clock=self.clock,
            refresh=refresh,
            random=lambda: random,
            on_event=lambda name, **fields: self.events.append((name, fields)),
            on_refused=lambda reason: self.refused.update([reason]),
        )
        self.keeper.add_listener(lambda: self.changes.append(self.version))

    @property
    def version(self) -> str | None:
        current = self.keeper.current
        return None if current is None else current.version

    async def run(self, until: Callable[[], bool]) -> None:
        """Run until a condition holds; the clock moves when the keeper sleeps."""
        async with asyncio.timeout(5):
            task = asyncio.ensure_future(self.keeper.run())
            while not until():  # noqa: ASYNC110 - the clock is ours
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])


GONE = SecretsUnavailable("unreachable", "Vault cannot be reached")


async def test_a_change_is_taken_and_told() -> None:
    """Token renewal listens; an unchanged version must not wake it."""
    scene = Scene(Provider("1", "1", "2"))
    assert await scene.keeper.refresh("start")
    assert not await scene.keeper.refresh("reload")
    assert await scene.keeper.refresh("reload")
    assert scene.changes == ["1", "2"]
    assert [name for name, _ in scene.events] == ["secrets_read", "secrets_read"]


async def test_a_failing_read_keeps_the_last_good_ones() -> None:
    """Vault down for a day is no reason to stop; but it must show."""
    scene = Scene(Provider("1", GONE, "1"))
    await scene.keeper.refresh("start")
    read_at = scene.keeper.last_success_unix
    scene.clock.advance(60)
    assert not await scene.keeper.refresh("scheduled")
    assert scene.version == "1"
    assert scene.keeper.last_error == "Vault cannot be reached"
    assert scene.keeper.last_success_unix == read_at
    assert scene.refused == {"unreachable": 1}
    await scene.keeper.refresh("scheduled")
    assert scene.keeper.last_error is None


async def test_secrets_of_another_environment_are_refused() -> None:
    """Also when they come later: what is in force stays."""
    scene = Scene(Provider("1", "live", "live", "2"))
    scene.wrong = {"live"}
    for _ in range(3):
        await scene.keeper.refresh("scheduled")
    assert (scene.version, scene.keeper.last_error) == ("1", "wrong one")
    assert scene.refused == {"environment": 2}
    assert [n for n, _ in scene.events].count("secrets_refused") == 1
    await scene.keeper.refresh("scheduled")
    assert (scene.version, scene.keeper.last_error) == ("2", None)


async def test_the_first_secrets_are_tried_for_without_end() -> None:
    """The pod stays up, unready: 1 to 30 s, so that Vault is not stormed."""
    scene = Scene(Provider(*[GONE] * 8, "1"), random=0.999)
    await scene.run(until=lambda: scene.version == "1")
    waits = scene.clock.slept[:8]
    assert waits == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30], rel=0.01)


async def test_refused_first_secrets_are_tried_for_ever_more_slowly() -> None:
    """A wrong credential at the start is not asked for each second."""
    scene = Scene(Provider("live"), random=0.999)
    scene.wrong = {"live"}
    await scene.run(until=lambda: len(scene.clock.slept) >= 6)
    assert scene.clock.slept[5] == pytest.approx(30, rel=0.01)
    assert scene.keeper.current is None


@pytest.mark.parametrize(("random", "pause"), [(0.0, 54), (0.5, 60), (1.0, 66)])
async def test_reads_are_spread(random: float, pause: float) -> None:
    """A thousand sidecars must not read in the same second."""
    scene = Scene(Provider("1"), random=random)
    await scene.run(until=lambda: len(scene.clock.slept) > 1)
    assert scene.clock.slept[0] == pytest.approx(pause)


async def test_a_provider_may_ask_to_be_read_sooner() -> None:
    """Files change without notice, and a Vault lease may be shorter than a minute."""
    provider = Provider("1")
    provider.longest_pause = 5
    scene = Scene(provider)
    await scene.run(until=lambda: len(scene.clock.slept) > 1)
    assert scene.clock.slept[0] == 5


async def test_many_refreshes_are_one_read_more() -> None:
    """A refused credential makes every request ask at once."""
    scene = Scene(Provider("1"))
    scene.provider.gate = asyncio.Event()
    asked = [asyncio.ensure_future(scene.keeper.refresh("401")) for _ in range(5)]
    await asyncio.sleep(0)
    scene.provider.gate.set()
    assert await asyncio.gather(*asked) == [True] * 5
    # One for who was first, and one for those who came after it had begun.
    assert scene.provider.reads == 2


async def test_a_read_under_way_does_not_hide_a_secret_written_meanwhile() -> None:
    """Otherwise a refused credential stays in force for a minute with a good one there.

    A read that began before the write brings the old secret, and says nothing of the
    new one to whoever asked after it.
    """
    scene = Scene(Provider("1", "2"))
    scene.provider.gate = asyncio.Event()
    old = asyncio.ensure_future(scene.keeper.refresh("scheduled"))
    await asyncio.sleep(0)

    asked = asyncio.ensure_future(scene.keeper.refresh("reload"))
    await asyncio.sleep(0)
    scene.provider.gate.set()

    assert (await old, await asked) == (True, True)
    assert (scene.version, scene.provider.reads) == ("2", 2)


async def test_a_cancelled_read_does_not_count_for_others() -> None:
    """Whoever waited behind it still gets a read."""
    scene = Scene(Provider("1"))
    scene.provider.gate = asyncio.Event()
    first = asyncio.ensure_future(scene.keeper.refresh("reload"))
    second = asyncio.ensure_future(scene.keeper.refresh("reload"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    scene.provider.gate.set()
    assert await second
    assert scene.version == "1"


async def test_a_bug_in_a_provider_does_not_end_the_loop() -> None:
    """And its text, which may hold anything, is not repeated."""
    scene = Scene(Provider(RuntimeError("secret-1"), "1"))
    await scene.keeper.refresh("start")
    assert scene.refused == {"malformed": 1}
    assert "secret-1" not in str(scene.events) + str(scene.keeper.last_error)
    assert await scene.keeper.refresh("start")


async def test_ready_is_when_the_first_secrets_are_there() -> None:
    """What needs them can wait for them."""
    scene = Scene(Provider("1"))
    waiting = asyncio.ensure_future(scene.keeper.wait_ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    await scene.keeper.refresh("start")
    assert (await waiting).version == "1"
    assert (await scene.keeper.wait_ready()).version == "1"


async def test_closing_closes_the_provider() -> None:
    """Vault's threads end with the gateway."""
    scene = Scene(Provider("1"))
    await scene.keeper.close()
    assert scene.provider.closed


def proving(scene: Scene, *verdicts: Verdict) -> list[str]:
    """Have new credentials tried; return where the tried versions are noted."""
    tried: list[str] = []
    said = list(verdicts)

    async def prove(found: SecretSet) -> Verdict:
        tried.append(found.version)
        return said.pop(0)

    scene.keeper.prove_with(prove)
    return tried


async def test_the_first_credential_is_taken_untried() -> None:
    """There is none to keep, and the token endpoint may be away."""
    scene = Scene(Provider("1"))
    tried = proving(scene)

    await scene.keeper.refresh("start")

    assert (scene.version, tried) == ("1", [])


async def test_a_new_credential_is_taken_once_it_is_proven() -> None:
    """A typing error in Vault must not reach the callers."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene, "good")
    await scene.keeper.refresh("start")

    changed = await scene.keeper.refresh("scheduled")

    assert (changed, scene.version, tried) == (True, "2", ["2"])


async def test_a_refused_credential_leaves_the_old_one_in_force() -> None:
    """It is tried again once a minute, and somebody is told."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene, "refused", "good")
    await scene.keeper.refresh("start")

    await scene.keeper.refresh("scheduled")
    await scene.keeper.refresh("too soon")
    before = scene.version
    scene.clock.advance(61)
    await scene.keeper.refresh("scheduled")

    assert (before, scene.version, tried) == ("1", "2", ["2", "2"])
    assert scene.refused == Counter(credential=1)
    assert [name for name, _ in scene.events].count("secrets_refused") == 1


async def test_a_credential_that_cannot_be_tried_is_tried_again_soon() -> None:
    """An outage of the token endpoint says nothing about it."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene, "unknown", "good")
    await scene.keeper.refresh("start")
    taken = asyncio.Event()
    scene.keeper.add_listener(taken.set)
    running = asyncio.get_running_loop().create_task(scene.keeper.run())
    await taken.wait()
    running.cancel()

    assert tried == ["2", "2"]
    assert scene.refused == Counter(unproven=1)
    assert scene.clock.slept[0] <= 1.0


async def test_another_field_needs_no_trial() -> None:
    """A new webhook secret is none of the token endpoint's business."""
    scene = Scene(Provider("1", "2"))
    tried = proving(scene)
    await scene.keeper.refresh("start")
    scene.provider.same_pair = True

    await scene.keeper.refresh("scheduled")

    assert (scene.version, tried) == ("2", [])
