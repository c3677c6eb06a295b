"""Health: a loop that turns, and reasons for not being ready."""

import asyncio

import pytest

from gateway.server.health import Check, Health
from tests.fakes import FakeClock


def test_a_gateway_is_alive_while_its_loop_turns() -> None:
    """Kubernetes restarts only what is stuck."""
    clock = FakeClock()
    health = Health(clock)

    clock.advance(1.24)
    before = health.alive
    clock.advance(0.02)

    assert (before, health.alive) == (True, False)


async def test_each_turn_is_a_beat() -> None:
    """A loop that was late once and turns again is alive."""
    clock = FakeClock()
    health = Health(clock)
    clock.advance(60.0)

    beating = asyncio.create_task(health.run())
    await asyncio.sleep(0)

    alive = health.alive
    beating.cancel()
    assert (alive, clock.slept[0]) == (True, 0.25)


@pytest.mark.parametrize(
    ("secrets", "draining", "ready"),
    [
        pytest.param(True, False, True, id="ready"),
        pytest.param(False, False, False, id="a-check-fails"),
        pytest.param(True, True, False, id="draining"),
    ],
)
def test_readiness_is_every_check_and_no_drain(
    secrets: bool, draining: bool, ready: bool
) -> None:
    """No request is sent where it cannot be served."""
    health = Health(FakeClock())
    health.add("token", lambda: Check(ok=True, reason="good until noon"))
    health.add("secrets", lambda: Check(ok=secrets, reason="as said"))
    health.draining = draining

    found, checks = health.readiness()

    assert found is ready
    assert checks == {
        "token": {"ok": True, "reason": "good until noon"},
        "secrets": {"ok": secrets, "reason": "as said"},
        "draining": {
            "ok": not draining,
            "reason": "the gateway is stopping" if draining else "not stopping",
        },
    }
