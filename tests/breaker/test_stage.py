"""BreakerStage: refusals while open, and whose verdict counts."""

import pytest

from gateway.breaker.options import BreakerOptions
from gateway.breaker.stage import BreakerStage
from gateway.core.errors import CircuitOpen
from tests.fakes import FakeClock


def staged(**options: bool) -> tuple[BreakerStage, FakeClock]:
    clock = FakeClock()
    stage = BreakerStage(BreakerOptions(**options), clock, lambda: 0.5, "api")
    return stage, clock


def broken(**options: bool) -> tuple[BreakerStage, FakeClock]:
    stage, clock = staged(**options)
    for _ in range(5):
        stage.record("connect_failure", stage.admit())
    return stage, clock


async def test_an_open_circuit_refuses_and_says_until_when() -> None:
    """The caller backs off for the right time, and Dinie is left alone."""
    stage, clock = broken()
    clock.advance(2.0)

    with pytest.raises(CircuitOpen) as refused:
        stage.admit()

    assert (refused.value.retry_after, stage.state) == (13.0, 2)
    assert "api" in refused.value.detail


async def test_three_probes_close_it() -> None:
    """The metric goes from 2 over 1 to 0."""
    stage, clock = broken()
    clock.advance(15.0)

    states = []
    for _ in range(3):
        held = stage.admit()
        states.append(stage.state)
        stage.record("success", held)

    assert (states, stage.state) == ([1, 1, 1], 0)


async def test_the_end_of_an_attempt_from_before_is_no_probe_verdict() -> None:
    """A call that hung for 15 s says nothing of the upstream now."""
    stage, clock = staged()
    old = stage.admit()
    for _ in range(5):
        stage.record("connect_failure", stage.admit())
    clock.advance(15.0)
    probe = stage.admit()

    stage.record("failure", old)
    while_probing = stage.state
    stage.record("success", probe)

    assert while_probing == 1
    stage.admit()  # the second probe may go


async def test_attempts_from_before_an_outage_have_no_vote_after_it() -> None:
    """They hung while it failed, and end when Dinie is well again."""
    stage, clock = staged()
    old = [stage.admit() for _ in range(50)]
    for _ in range(5):
        stage.record("connect_failure", stage.admit())
    clock.advance(15.0)
    for _ in range(3):
        stage.record("success", stage.admit())

    for held in old:
        stage.record("timeout", held)

    assert stage.circuit == "closed"
    for _ in range(5):
        stage.record("connect_failure", stage.admit())
    assert stage.circuit == "open"


async def test_a_probe_that_waits_in_a_queue_does_not_hold_the_others_up() -> None:
    """After 10 s another may go; the verdict of the first counts no more."""
    stage, clock = broken()
    clock.advance(15.0)
    waiting = stage.admit()
    with pytest.raises(CircuitOpen):
        stage.admit()
    clock.advance(10.0)

    another = stage.admit()
    stage.record("failure", waiting)
    stage.record("success", another)

    assert stage.circuit == "half-open"


async def test_a_probe_that_ends_without_a_verdict_lets_another_go() -> None:
    """The caller hung up, or the quota refused it."""
    stage, clock = broken()
    clock.advance(15.0)

    stage.record("ignored", stage.admit())

    stage.admit()
    assert stage.state == 1


async def test_a_hurried_probe_keeps_no_other_waiting() -> None:
    """Callers with little time end theirs without a verdict, one after the other."""
    stage, clock = broken()
    clock.advance(15.0)
    hurried = stage.admit(hurried=True)

    with pytest.raises(CircuitOpen):
        stage.admit(hurried=True)
    calm = stage.admit()
    stage.record("ignored", hurried)
    with pytest.raises(CircuitOpen):
        stage.admit()
    for held in (calm, None, None):
        stage.record("success", held or stage.admit())

    assert stage.state == 0


async def test_a_hurried_probe_that_is_answered_counts() -> None:
    """Where all callers have little time, the circuit must close as well."""
    stage, clock = broken()
    clock.advance(15.0)

    for _ in range(3):
        stage.record("success", stage.admit(hurried=True))

    assert stage.state == 0


async def test_switched_off_it_never_opens() -> None:
    """The operator knows better."""
    stage, _ = broken(enabled=False)

    stage.admit()

    assert stage.state == 0
