"""SecretWatcher: the last good secrets are kept, and new ones taken at once."""

import asyncio

import pytest

from gateway.secrets.ports import SecretsUnavailable
from tests.secrets.scene import Provider, Scene

GONE = SecretsUnavailable("unreachable", "Vault cannot be reached")


async def test_a_change_is_taken_and_told() -> None:
    """Token renewal listens; an unchanged version must not wake it."""
    scene = Scene(Provider("1", "1", "2"))
    assert await scene.watcher.refresh("start")
    assert not await scene.watcher.refresh("reload")
    assert await scene.watcher.refresh("reload")
    assert scene.changes == ["1", "2"]
    assert [name for name, _ in scene.events] == ["secrets_read", "secrets_read"]


async def test_a_failing_read_keeps_the_last_good_ones() -> None:
    """Vault down for a day is no reason to stop; but it must show."""
    scene = Scene(Provider("1", GONE, "1"))
    await scene.watcher.refresh("start")
    read_at = scene.watcher.last_success_unix
    scene.clock.advance(60)
    assert not await scene.watcher.refresh("scheduled")
    assert scene.version == "1"
    assert scene.watcher.last_error == "Vault cannot be reached"
    assert scene.watcher.last_success_unix == read_at
    assert scene.refused == {"unreachable": 1}
    await scene.watcher.refresh("scheduled")
    assert scene.watcher.last_error is None


async def test_secrets_of_another_environment_are_refused() -> None:
    """Also when they come later: what is in force stays."""
    scene = Scene(Provider("1", "live", "live", "2"))
    scene.wrong = {"live"}
    for _ in range(3):
        await scene.watcher.refresh("scheduled")
    assert (scene.version, scene.watcher.last_error) == ("1", "wrong one")
    assert scene.refused == {"environment": 2}
    assert [n for n, _ in scene.events].count("secrets_refused") == 1
    await scene.watcher.refresh("scheduled")
    assert (scene.version, scene.watcher.last_error) == ("2", None)


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
    assert scene.watcher.current is None


@pytest.mark.parametrize(("random", "pause"), [(0.0, 54), (0.5, 60), (1.0, 66)])
async def test_reads_are_spread(random: float, pause: float) -> None:
    """A thousand sidecars must not read in the same second."""
    scene = Scene(Provider("1"), random=random)
    await scene.run(until=lambda: len(scene.clock.slept) > 1)
    assert scene.clock.slept[0] == pytest.approx(pause)


async def test_a_provider_may_ask_to_be_read_sooner() -> None:
    """Files change without notice, and a Vault lease may be shorter than a minute."""
    provider = Provider("1")
    provider.max_interval = 5
    scene = Scene(provider)
    await scene.run(until=lambda: len(scene.clock.slept) > 1)
    assert scene.clock.slept[0] == 5


async def test_many_refreshes_are_one_read_more() -> None:
    """A refused credential makes every request ask at once."""
    scene = Scene(Provider("1"))
    scene.provider.gate = asyncio.Event()
    asked = [asyncio.ensure_future(scene.watcher.refresh("401")) for _ in range(5)]
    await asyncio.sleep(0)
    scene.provider.gate.set()
    assert await asyncio.gather(*asked) == [True] * 5
    # One for who was first, and one for those who came after it had begun.
    assert scene.provider.reads == 2


async def test_a_read_under_way_does_not_hide_a_secret_written_meanwhile() -> None:
    """Otherwise a refused credential stays in force for a minute with a good one there.

    A read that began before the write brings the old secret, and says nothing of the
    new one to a caller that asked after it.
    """
    scene = Scene(Provider("1", "2"))
    scene.provider.gate = asyncio.Event()
    old = asyncio.ensure_future(scene.watcher.refresh("scheduled"))
    await asyncio.sleep(0)

    asked = asyncio.ensure_future(scene.watcher.refresh("reload"))
    await asyncio.sleep(0)
    scene.provider.gate.set()

    assert (await old, await asked) == (True, True)
    assert (scene.version, scene.provider.reads) == ("2", 2)


async def test_a_cancelled_read_does_not_count_for_others() -> None:
    """A caller that waited behind it still gets a read."""
    scene = Scene(Provider("1"))
    scene.provider.gate = asyncio.Event()
    first = asyncio.ensure_future(scene.watcher.refresh("reload"))
    second = asyncio.ensure_future(scene.watcher.refresh("reload"))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    scene.provider.gate.set()
    assert await second
    assert scene.version == "1"


async def test_a_bug_in_a_provider_does_not_end_the_loop() -> None:
    """And its text, which may hold anything, is not repeated."""
    scene = Scene(Provider(RuntimeError("secret-1"), "1"))
    await scene.watcher.refresh("start")
    assert scene.refused == {"malformed": 1}
    assert "secret-1" not in str(scene.events) + str(scene.watcher.last_error)
    assert await scene.watcher.refresh("start")


async def test_ready_is_when_the_first_secrets_are_there() -> None:
    """What needs them can wait for them."""
    scene = Scene(Provider("1"))
    waiting = asyncio.ensure_future(scene.watcher.wait_ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    await scene.watcher.refresh("start")
    assert (await waiting).version == "1"
    assert (await scene.watcher.wait_ready()).version == "1"


async def test_closing_closes_the_provider() -> None:
    """Vault's threads end with the gateway."""
    scene = Scene(Provider("1"))
    await scene.watcher.close()
    assert scene.provider.closed


async def test_the_same_failure_is_logged_once_a_minute() -> None:
    """Files are looked at every few seconds; their trouble is one trouble."""
    scene = Scene(Provider(GONE))
    for _ in range(21):
        await scene.watcher.refresh("scheduled")
        scene.clock.advance(5)

    assert [name for name, _ in scene.events] == ["secrets_unavailable"] * 3
    assert scene.refused == {"unreachable": 21}


async def test_what_will_end_the_reads_is_said_while_they_are_good() -> None:
    """A refused login shows at once, and not when the token that is held has died."""
    scene = Scene(Provider("1"))
    scene.provider.warning = "Vault refuses the login"
    await scene.watcher.refresh("start")
    await scene.watcher.refresh("scheduled")

    assert scene.watcher.last_error == "Vault refuses the login"
    assert [name for name, _ in scene.events] == ["secrets_expiring", "secrets_read"]
    scene.provider.warning = None
    await scene.watcher.refresh("scheduled")
    assert scene.watcher.last_error is None


async def test_a_first_read_comes_as_soon_as_the_provider_asks() -> None:
    """A refused login is repeated once its file has changed, also at the start."""
    provider = Provider(*[GONE] * 9, "1")
    provider.max_interval = 5
    scene = Scene(provider, random=0.999)
    await scene.run(until=lambda: scene.version == "1")

    assert max(scene.clock.slept[:9]) == 5
