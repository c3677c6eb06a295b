"""A rotation that is killed goes on: one credential comes, one goes."""

import asyncio
import signal
import time
from pathlib import Path

import pytest
from aiohttp import web

from tests.e2e.rotating import OLD, Rotating, rotating
from tests.vault.fake import PATH

pytestmark = pytest.mark.e2e
WRITES = 18  # to Vault and Dinie, of a whole rotation


@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_rotation_killed_at_any_write_is_gone_on_from(at: int) -> None:
    """It took effect, and the process died before it heard of it."""
    async with rotating() as world:
        world.kill_at = at
        killed, _ = await world.rotate("--now")
        world.kill_at = 0
        await asyncio.sleep(0.35)  # the lock of the dead process
        begun = world.state.get("phase", "")

        code, said = await world.rotate(*([] if begun else ["--now"]))

        assert (killed, code) == (-signal.SIGKILL, 0), said
        assert world.state["phase"] == "done"
        assert world.effects() == ["POST", "DELETE"]
        assert world.secret["client_id"] != OLD[0]
        assert "next_client_id" not in world.secret
        assert world.secret["webhook_secret"] == "whsec_a"
        assert OLD[1] not in str(world.state)


async def test_what_the_command_says_is_what_somebody_can_act_on() -> None:
    """Plan, progress, date, and where it stands."""
    async with rotating() as world:
        plan = await world.rotate("--dry-run")
        early = await world.rotate()
        begun = await world.rotate("--now", canary="3600")
        status = await world.rotate("--status")
        aborted = await world.rotate("--abort")
        after = await world.rotate("--status")

        assert plan[0] == early[0] == begun[0] == status[0] == aborted[0] == 0
        assert "The current credential is due on" in plan[1]
        assert "revoke the old one" in plan[1]
        assert "No rotation is due.\nRun it again on" in early[1]
        assert "Gateways try the new credential on a share of GETs." in begun[1]
        assert "is at 'canary' since" in status[1]
        assert "the rotation is aborted" in aborted[1]
        assert "is at 'aborted'" in after[1]
        assert world.effects() == ["POST", "DELETE"]
        assert world.secret["client_id"] == OLD[0]
        every = plan[1] + early[1] + begun[1] + status[1] + aborted[1]
        assert "dinie_cs_" not in every


async def test_a_step_that_fails_is_exit_1_and_can_be_run_again() -> None:
    """Vault lets nobody write, and Dinie is away."""
    async with rotating() as world:
        world.vault.hidden = {"dinie/local-rotation"}
        denied = await world.rotate("--now")
        world.vault.hidden = set()
        world.dinie.fault(kind="status", status=503, times=100, path="/auth/token")
        away = await world.rotate("--now")
        world.dinie.clear_faults()
        await asyncio.sleep(0.35)

        ended = await world.rotate("--now")

    assert denied[0] == 1
    assert "secret/data/dinie/local-rotation" in denied[1]
    assert away[0] == 1
    assert "Traceback" not in denied[1] + away[1]
    assert (ended[0], world.state["phase"]) == (0, "done")


async def test_a_webhook_secret_is_replaced_beside_the_old_one() -> None:
    """The endpoint is the only one that Dinie lists."""
    async with rotating() as world:
        none, said_none = await world.rotate("webhook-secret", "--now")
        known = world.dinie._world
        known.add("endpoints", "we", url="https://a.example", events=["*"])

        code, said = await world.rotate("webhook-secret", "--now")
        known.add("endpoints", "we", url="https://b.example", events=["*"])
        again, _ = await world.rotate("webhook-secret")

        new, old = world.secret["webhook_secret"].split()
        assert (none, "lists no webhook endpoint" in said_none) == (1, True)
        assert (code, again) == (0, 0), said
        assert (new[:6], old) == ("whsec_", "whsec_a")
        assert "Dinie still signs with both secrets." in said
        assert new not in said


async def test_several_endpoints_are_listed_to_choose_from() -> None:
    """Exit code 2: somebody has to say which."""
    async with rotating() as world:
        for name in ("a", "b"):
            world.dinie._world.add("endpoints", "we", url=f"https://{name}.example")

        code, said = await world.rotate("webhook-secret", "--now")

    assert code == 2
    assert said.count("\n  we_") == 2


def ends_once_read(world: Rotating) -> None:
    """Let a lock that is held run out right after somebody has seen it."""
    kv = world.vault.kv
    real = kv.read

    def read(path: str) -> web.Response:
        if path.endswith("-rotation"):
            kv.read = real  # type: ignore[method-assign]
            kv.secrets[path][-1]["data"]["lock_until"] = f"{time.time() + 0.3:.3f}"
        return real(path)

    kv.read = read  # type: ignore[method-assign]


async def test_a_held_lock_is_waited_for_or_said() -> None:
    """Who cannot go back now must not believe that it is done."""
    async with rotating() as world:
        await world.rotate("--now", canary="3600")
        held = {**world.state, "lock_holder": "another", "lock_until": "9e9"}
        world.vault.kv.put(f"{PATH}-rotation", held)
        job, _ = await world.rotate()
        aborted, said = await world.rotate("--abort")
        ends_once_read(world)

        waited, told = await world.rotate("--abort", "--wait", canary="3600")

        assert (job, aborted, waited) == (0, 1, 0), told
        assert "Another rotation is under way: another holds the lock" in said
        assert "Another rotation is under way" in told
        assert world.state["phase"] == "aborted"


async def test_a_job_says_when_an_aborted_rotation_is_due_again() -> None:
    """Nothing begins by itself after an abort, but its end comes nearer."""
    async with rotating() as world:
        await world.rotate("--now", canary="3600")
        await world.rotate("--abort")

        early, _ = await world.rotate()
        late, said = await world.rotate(interval="60", early="60")

    assert (early, late) == (0, 1)
    assert "The last rotation was aborted: begin the next with --now." in said


async def test_the_status_of_a_webhook_secret_is_its_own() -> None:
    """Not the credential's."""
    async with rotating() as world:
        world.dinie._world.add("endpoints", "we", url="https://a.example")
        await world.rotate("--now")
        never = await world.rotate("webhook-secret", "--status")
        await world.rotate("webhook-secret", "--now")
        both = await world.rotate("webhook-secret", "--status")

    assert never == (0, "The webhook secret was never replaced from here.\n")
    assert both[1].startswith("Both webhook secrets are good, until ")


async def test_an_endpoint_that_dinie_does_not_know_can_be_corrected() -> None:
    """Nothing was made under the wrong name."""
    async with rotating() as world:
        made = world.dinie._world.add("endpoints", "we", url="https://a.example")
        wrong = ("--set", "webhooks.endpoint_id=we_wrong")
        right = ("--set", f"webhooks.endpoint_id={made['id']}")

        refused, said = await world.rotate("webhook-secret", "--now", *wrong)
        code, told = await world.rotate("webhook-secret", "--now", *right)

        assert (refused, code) == (1, 0), told
        assert "set webhooks.endpoint_id" in said
        assert len(world.secret["webhook_secret"].split()) == 2


async def test_a_ca_file_that_cannot_be_read_is_exit_2(tmp_path: Path) -> None:
    """Whether it is missing, or holds no certificate."""
    (tmp_path / "text.pem").write_text("hello")
    async with rotating() as world:
        for name in ("missing.pem", "text.pem"):
            place = f"upstream.ca_file={tmp_path / name}"
            code, said = await world.rotate("--now", "--set", place)

            assert (code, "Traceback" in said) == (2, False), said
            assert "upstream.ca_file: no CA certificates can be read there" in said
