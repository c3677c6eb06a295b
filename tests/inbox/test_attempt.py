"""One attempt: what is stored of it."""

from typing import Any

import pytest

from gateway.core.secret import Secret
from gateway.inbox.attempt import DeliveryAttempts
from gateway.inbox.policy import AttemptResult
from gateway.inbox.ports import Delivery, Settlement
from tests.fakes import FakeClock
from tests.inbox.dispatching import Carried, subscriber
from tests.inbox.scene import SECRET, Observed, arrival

CLOCK = FakeClock()


def attempts(carried: Carried, observed: Observed, **more: Any) -> DeliveryAttempts:
    return DeliveryAttempts(
        subscriber(**more),
        carried,
        schedule=(5.0,),
        tolerance=300.0,
        fields=lambda: {"hook": Secret(SECRET), "bad": Secret("no secret")},
        clock=CLOCK,
        random=lambda: 0.5,
        observer=observed,
        on_event=observed.say,
    )


def delivery(tries: int = 0) -> Delivery:
    return Delivery(7, tries, arrival(), CLOCK.unix() + 60)


@pytest.mark.parametrize(
    ("done", "tries", "noted"),
    [
        (
            AttemptResult(200),
            0,
            Settlement(7, "a", "delivered", 1, 0.0, 200, ""),
        ),
        (
            AttemptResult(500),
            0,
            Settlement(7, "a", "retry", 1, 5.0, 500, ""),
        ),
        (
            AttemptResult(500),
            1,
            Settlement(7, "a", "dead", 2, 0.0, 500, ""),
        ),
        (
            AttemptResult(410),
            0,
            Settlement(7, "a", "disabled", 1, 5.0, 410, ""),
        ),
        (
            AttemptResult(None, error="name"),
            0,
            Settlement(7, "a", "retry", 1, 5.0, None, "name"),
        ),
    ],
)
async def test_what_follows_is_noted_and_told(
    done: AttemptResult, tries: int, noted: Settlement
) -> None:
    """The log and the metrics say what the store says."""
    carried, observed = Carried(), Observed()
    carried.answer = lambda *_: done

    found = await attempts(carried, observed).make(delivery(tries))

    assert found == noted
    ((event, fields),) = observed.events
    assert event == f"delivery_{noted.outcome}"
    assert (fields["status"], fields["attempts"]) == (noted.status, noted.attempts)


async def test_one_that_wants_no_more_is_asked_no_more() -> None:
    """What is leased goes back, and has used up no try."""
    carried = Carried()
    carried.answer = lambda *_: AttemptResult(410)
    made = attempts(carried, Observed(), ordered=True)
    await made.make(delivery())

    found = await made.make(delivery(3))

    assert found == Settlement(7, "a", "retry", 3, 0.0, None, "circuit")
    assert carried.begun == 1


@pytest.mark.parametrize(
    ("field", "lacks"), [(None, False), ("hook", False), ("bad", True), ("gone", True)]
)
def test_a_key_that_is_missing_is_known(field: str | None, *, lacks: bool) -> None:
    """It was told to trust that one."""
    assert attempts(Carried(), Observed(), secret=field).lacks_key is lacks
