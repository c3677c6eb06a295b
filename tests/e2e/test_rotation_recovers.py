"""What stopped all rotations: a destroyed state, a lock from the future, a SIGTERM."""

import asyncio
import os
import signal
import sys
import time

import pytest

from tests.e2e.rotating import OLD, Rotating, rotating
from tests.namespaces import UNSHARE, children, may_unshare
from tests.vault.fake import PATH

pytestmark = pytest.mark.e2e
STATE = f"{PATH}-rotation"
DAYS = 86_400.0


async def test_a_destroyed_state_is_said_and_gone_on_from() -> None:
    """`vault kv destroy` made every run say that another one holds the lock."""
    async with rotating() as world:
        await world.rotate("--now", canary="3600")
        world.vault.kv.destroy_newest(STATE)

        status = await world.rotate("--status")
        abort = await world.rotate("--abort")
        after = await world.rotate("--status")
        again = await world.rotate("--now")

        assert (status[0], abort[0], after[0], again[0]) == (0, 0, 0, 0), abort[1]
        assert "was destroyed in Vault" in status[1]
        assert "revoked and removed" in abort[1]
        assert "There was no rotation yet." in after[1]
        assert world.state["phase"] == "done"
        assert world.effects() == ["POST", "DELETE", "POST", "DELETE"]
        assert world.secret["client_id"] != OLD[0]


def hold(world: Rotating, *, ahead: float) -> None:
    """Leave the lock of a dead run whose clock was ahead, s."""
    now = time.time()
    world.vault.kv.put(
        STATE, {"lock_holder": "dead/1/a", "lock_until": f"{now + ahead:.3f}"}
    )


async def test_the_lock_of_a_clock_that_was_ahead_ends_and_can_be_ended() -> None:
    """400 days without a rotation, and a credential lives for 90."""
    async with rotating() as world:
        hold(world, ahead=400 * DAYS)
        held = await world.rotate("--now")
        broken = await world.rotate("--break-lock")
        free = await world.rotate("--break-lock")
        done = await world.rotate("--now")

        assert (held[0], broken[0], free[0], done[0]) == (0, 0, 0, 0)
        assert "--break-lock releases it" in held[1]
        assert time.strftime("%Y", time.gmtime(time.time() + 400 * DAYS)) not in held[1]
        assert "The lock of dead/1/a is released." in broken[1]
        assert "No run holds the lock." in free[1]
        assert world.state["phase"] == "done"


@pytest.mark.skipif(not may_unshare(), reason="no new PID namespace may be made here")
async def test_sigterm_ends_a_waiting_rotation_that_is_process_1() -> None:
    """A pod that ignores it is killed after its grace, in the middle of a step."""
    async with rotating() as world:
        process = await asyncio.create_subprocess_exec(
            *UNSHARE,
            sys.executable,
            "-m",
            "gateway",
            *("rotate", "--now", "--wait", "--set", "rotation.canary=3600"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=world.environment,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(30):
                while b"Run it again" not in await process.stdout.readline():
                    pass
                (pid,) = children(process.pid)
                os.kill(pid, signal.SIGTERM)
                said = (await process.stdout.read()).decode()
                code = await process.wait()
        finally:
            if process.returncode is None:
                process.kill()

        assert (code, "the next run continues" in said) == (143, True), said
        assert (world.state["phase"], world.state["lock_holder"]) == ("canary", "")
