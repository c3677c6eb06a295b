"""WebhookRotation: no delivery is refused while its secret is replaced."""

import pytest

from gateway.core.secret import Secret
from gateway.rotation.lock import LockHeld
from gateway.rotation.ports import Conflict, StepFailed
from gateway.rotation.webhook_secret import SeveralEndpoints, describe
from tests.rotation.scene import DAY, Crash, Scene

WRITES = 6  # of a rotation up to the overlap, its lock included


async def test_both_are_good_until_nothing_is_signed_with_the_old_one() -> None:
    """And for five minutes more: a delivery may still be on its way."""
    scene = Scene()
    began = scene.clock.unix()

    first = await scene.webhook(now=True)
    both = scene.world.secret["webhook_secret"]
    scene.clock.advance(DAY + 200)
    still = await scene.webhook()
    kept = scene.world.secret["webhook_secret"]
    scene.clock.advance(101)
    ended = await scene.webhook()

    assert first.next_at == still.next_at == began + DAY + 300
    assert (both, kept) == ("whsec_1 whsec_a", "whsec_1 whsec_a")
    assert scene.world.secret["webhook_secret"] == "whsec_1"
    assert ended.next_at is None
    assert scene.world.secret["client_id"] == "old"


@pytest.mark.parametrize("before", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("at", range(1, WRITES + 1))
async def test_a_crash_at_any_write_is_gone_on_from(at: int, *, before: bool) -> None:
    """Another secret would end the overlap of the one that was lost."""
    scene = Scene()
    scene.world.crash_at, scene.world.before = at, before
    with pytest.raises(Crash):
        await scene.webhook(now=True)
    scene.world.restart()
    scene.clock.advance(61)

    await scene.webhook(now="webhook_phase" not in scene.world.state)

    assert len(scene.world.signing) == 1
    assert scene.world.secret["webhook_secret"] == "whsec_1 whsec_a"


async def test_it_is_due_as_a_credential_is() -> None:
    """Ninety days after the last one; the first is begun by hand."""
    scene = Scene()

    unknown = await scene.webhook()
    await scene.webhook(now=True)
    scene.clock.advance(DAY + 301)
    await scene.webhook()
    early = await scene.webhook()
    scene.clock.advance(90 * DAY)
    await scene.webhook()

    assert "--now" in unknown.message
    assert early.message == "No rotation is due."
    assert scene.world.secret["webhook_secret"] == "whsec_2 whsec_1"


async def test_several_endpoints_need_a_choice() -> None:
    """The wrong one's deliveries would be refused."""
    scene = Scene()
    scene.world.endpoints = ["we_1", "we_2"]

    with pytest.raises(SeveralEndpoints) as caught:
        await scene.webhook(now=True)
    await scene.webhook(now=True, endpoint="we_2")

    assert caught.value.ids == ("we_1", "we_2")
    assert scene.world.secret["webhook_secret"] == "whsec_1 whsec_a"


async def test_no_endpoint_is_said() -> None:
    """There is nothing to rotate."""
    scene = Scene()
    scene.world.endpoints = []

    with pytest.raises(StepFailed, match="lists no webhook endpoint"):
        await scene.webhook(now=True)


async def test_a_reply_that_was_lost_for_a_day_begins_anew() -> None:
    """Its key would make another secret by now, unseen."""
    scene = Scene()
    scene.world.crash_at = 3  # the secret was made, and the response was lost
    with pytest.raises(Crash):
        await scene.webhook(now=True)
    scene.world.restart()
    scene.clock.advance(25 * 3600)

    await scene.webhook()

    assert list(scene.world.signing) == ["rotation-webhook-id1", "rotation-webhook-id2"]
    assert scene.world.secret["webhook_secret"] == "whsec_2 whsec_a"


async def test_it_shares_the_lock_and_the_state_of_the_credential() -> None:
    """Both write the same secret, and neither forgets what the other wrote down."""
    scene = Scene()
    await scene.webhook(now=True)

    await scene.run(now=True)
    scene.world.crash_at = scene.world.writes + 1
    with pytest.raises(Crash):
        await scene.run(now=True)
    scene.world.restart()

    with pytest.raises(LockHeld):
        await scene.webhook()
    assert scene.world.state["webhook_phase"] == "overlap"
    assert scene.world.secret["webhook_secret"] == "whsec_1 whsec_a"


async def test_a_secret_that_somebody_changed_meanwhile_is_left_alone() -> None:
    """An operator added a third one by hand, between the look and the write."""
    scene = Scene()
    await scene.webhook(now=True)
    scene.world.state["webhook_until"] = "x"

    with pytest.raises((StepFailed, Conflict), match="webhook_until"):
        await scene.webhook()

    assert scene.world.secret["webhook_secret"] == "whsec_1 whsec_a"


async def test_a_credential_of_another_environment_is_not_sent() -> None:
    """The endpoint of the other one would get a new secret."""
    scene = Scene()
    scene.faults = {"old": ["environment sandbox and the credential disagree"]}

    with pytest.raises(StepFailed, match="disagree"):
        await scene.webhook(now=True)

    assert scene.world.signing == {}


async def test_a_secret_that_somebody_added_meanwhile_stays() -> None:
    """Only what was there before the rotation goes."""
    scene = Scene()
    await scene.webhook(now=True)
    scene.world.secret["webhook_secret"] = "whsec_1 whsec_a whsec_by_hand"
    scene.clock.advance(DAY + 301)

    await scene.webhook()

    assert scene.world.secret["webhook_secret"] == "whsec_1 whsec_by_hand"


async def test_damaged_state_is_said() -> None:
    """An operator wrote something else there."""
    scene = Scene()
    await scene.webhook(now=True)
    scene.world.state["webhook_until"] = "soon"
    with pytest.raises(StepFailed, match="webhook_until is no moment"):
        await scene.webhook()
    scene.world.state |= {"webhook_phase": "rotating", "webhook_id": ""}
    with pytest.raises(StepFailed, match="webhook_id is missing"):
        await scene.webhook()


async def test_an_endpoint_that_is_unknown_leaves_the_last_rotation_noted() -> None:
    """Otherwise the next due date would be unknown."""
    scene = Scene()
    await scene.webhook(now=True)
    scene.clock.advance(DAY + 301)
    await scene.webhook()
    done = scene.world.state["webhook_done"]

    with pytest.raises(StepFailed, match="set webhooks"):
        await scene.webhook(now=True, endpoint="we_wrong")

    assert scene.world.state["webhook_done"] == done
    assert "webhook_phase" not in scene.world.state


async def test_how_far_it_is_can_be_told() -> None:
    """For `--status`."""
    scene = Scene()

    def now() -> tuple[str, float | None]:
        return describe({k: Secret(v) for k, v in scene.world.state.items()})

    never = now()
    scene.world.crash_at = 3
    with pytest.raises(Crash):
        await scene.webhook(now=True)
    scene.world.restart()
    asked = now()
    scene.clock.advance(61)
    await scene.webhook()
    both = now()
    scene.clock.advance(DAY + 301)
    await scene.webhook()

    assert never == ("The webhook secret was never replaced from here.", None)
    assert asked[0] == "A new webhook secret is asked for, since"
    assert both[0] == "Both webhook secrets are good, until"
    assert now() == ("The webhook secret was last replaced on", scene.clock.unix())
