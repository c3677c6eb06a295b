"""Webhooks that go wrong on purpose."""

from typing import Any

import pytest
from dinie.runtime.webhooks import WebhookSignatureError
from standardwebhooks import Webhook, WebhookVerificationError

from gateway.core.clock import SystemClock
from gateway.simulator.response import Refusal
from gateway.simulator.webhooks.faults import Dice, WebhookFaults, changed
from tests.simulator.receiver import SECRET, Received, posting


def reference(received: Received) -> Any:
    """Return what the reference library makes of a webhook, its age included."""
    return Webhook(SECRET).verify(received.body, received.headers)


async def test_a_webhook_without_faults_verifies_by_the_reference_library() -> None:
    """Now, with a real clock."""
    async with posting(clock=SystemClock()) as post:
        await post.emit(id="ln_1")

    assert reference(post.received[0])["data"] == {"id": "ln_1"}


async def test_a_duplicate_is_the_same_webhook_twice() -> None:
    """Receivers tell by the id; the journal holds one delivery."""
    async with posting(webhook_duplicates=1.0) as post:
        identifier = await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    assert [one.id for one in post.received] == [identifier, identifier]
    assert (delivery.attempts, delivery.acknowledged) == (2, True)


async def test_reordered_webhooks_come_in_another_order() -> None:
    """All of them, each once."""
    options = {"webhook_reordering": 1.0, "webhook_reorder_max": 0.2}
    async with posting(clock=SystemClock(), **options) as post:
        emit = post.simulator.webhooks.emit
        sent = [emit("loan.active", {}) for _ in range(12)]
        await post.simulator.webhooks.settled()

    came = [one.id for one in post.received]
    assert sorted(came) == sorted(sent)
    assert came != sent


async def test_a_bad_signature_is_signed_with_another_key() -> None:
    """Well-formed, so that only a check of the signature finds it."""
    async with posting(webhook_bad_signature=1.0, webhook_schedule=(0,)) as post:
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    with pytest.raises(WebhookSignatureError):
        post.received[0].extracted()
    assert post.received[0].signatures[0].startswith("v1,")
    assert delivery.history[0].faults == ["bad_signature"]


async def test_a_stale_timestamp_is_signed_well() -> None:
    """So that only a check of the age finds it."""
    async with posting(clock=SystemClock(), webhook_stale_timestamp=1.0) as post:
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    with pytest.raises(WebhookVerificationError, match="too old"):
        reference(post.received[0])
    assert int(delivery.history[0].at) - post.received[0].timestamp == 600
    assert delivery.history[0].faults == ["stale_timestamp"]


async def test_an_event_of_an_unknown_type_follows() -> None:
    """An id of its own, well signed; SDKs refuse it, a relay must not."""
    async with posting(webhook_unknown_type=1.0) as post:
        identifier = await post.emit()
        acknowledged = post.simulator.webhooks.acknowledged()

    came = {one.type: one.id for one in post.received}
    assert set(came) == {"loan.active", "galaxy.exploded"}
    assert came["loan.active"] == identifier != came["galaxy.exploded"]
    assert acknowledged == set(came.values())


async def test_a_large_body_has_padding() -> None:
    """About 200 KiB, and all of it is signed."""
    async with posting(profile="sdk", webhook_large_body=1.0) as post:
        await post.emit("loan.finished", id="ln_1", status="finished")

    (received,) = post.received
    assert 200 * 1024 < len(received.body) < 201 * 1024
    assert received.extracted().data.id == "ln_1"


async def test_faults_are_set_and_cleared_at_run_time() -> None:
    """What is set holds for what comes after it."""
    async with posting(webhook_duplicates=1.0) as post:
        await post.partner.call("POST", "/_sim/webhooks/faults", {"duplicates": 0.0})
        await post.emit()
        once = len(post.received)
        post.simulator.webhooks.fault(duplicates=1.0)
        await post.emit()
        twice = len(post.received)
        await post.partner.call("DELETE", "/_sim/webhooks/faults")
        await post.emit()
        healed = len(post.received)
        await post.partner.call("POST", "/_sim/reset")
        await post.emit()

    assert (once, twice, healed, len(post.received)) == (1, 3, 4, 6)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"explosion": 1.0}, id="unknown"),
        pytest.param({"duplicates": 1.5}, id="too-likely"),
        pytest.param({"reorder_max": -1}, id="negative"),
        pytest.param({"bad_signature": "often"}, id="no-number"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(given: dict[str, Any]) -> None:
    """A typing error does not pass for a test without faults."""
    with pytest.raises(Refusal):
        changed(WebhookFaults(), given)


def test_dice_fall_the_same_under_the_same_seed() -> None:
    """A failure found once can be found again."""
    falls = [Dice(1, "evt_1").up_to(9.0) for _ in range(2)]

    assert falls[0] == falls[1] != Dice(2, "evt_1").up_to(9.0)


def test_a_likelihood_of_none_or_all_is_certain() -> None:
    """Tests stand on 0 and 1."""
    dice = Dice(1)

    assert not any(dice.hits(0.0) for _ in range(1000))
    assert all(dice.hits(1.0) for _ in range(1000))


async def test_a_share_of_faults_is_about_that_share() -> None:
    """Neither none nor all, over a hundred."""
    async with posting(webhook_duplicates=0.3) as post:
        for _ in range(100):
            post.simulator.webhooks.emit("loan.active", {})
        await post.simulator.webhooks.settled()

    assert 115 <= len(post.received) <= 145
