"""Circuit: the moment and the reason of each change, and looks while it is open."""

import pytest

from gateway.breaker.options import BreakerOptions
from gateway.core.circuit import CLOSED, HALF_OPEN, Circuit

RULES = BreakerOptions().rules()
HALF = 0.5  # neither more nor less than the nominal time open


def opened(at: float = 100.0) -> Circuit:
    circuit = Circuit(RULES)
    for _ in range(5):
        circuit.record("connect_failure", at, HALF)
    return circuit


def test_only_an_open_circuit_is_open_for_a_while() -> None:
    """What is half open is asked again by its probes, not by the clock."""
    circuit = opened()
    before = circuit.open_for(100.0)
    circuit.admit(104.0)  # a look in between, and its success
    circuit.record("success", 104.0, HALF)

    assert before == 15.0
    assert (circuit.state, circuit.open_for(104.0)) == (HALF_OPEN, 0.0)


def test_each_change_has_its_moment() -> None:
    """An operator compares it with the log of Dinie's fault."""
    circuit = opened()
    circuit.admit(116.0)
    half_open = circuit.changed_at
    for at in (116.0, 117.0, 118.0):
        circuit.admit(at)
        circuit.record("success", at, HALF)
    looked = opened()
    looked.admit(104.0)
    looked.record("success", 104.0, HALF)

    assert (half_open, circuit.changed_at, circuit.state) == (116.0, 118.0, CLOSED)
    assert (looked.changed_at, looked.reason) == (
        104.0,
        "a look in between was answered",
    )


def test_a_look_that_succeeds_is_one_of_the_three_successes() -> None:
    """One call that happens to pass does not make a peer well."""
    circuit = opened()
    circuit.admit(104.0)
    circuit.record("success", 104.0, HALF)
    states = []
    for at in (105.0, 106.0):
        circuit.admit(at)
        circuit.record("success", at, HALF)
        states.append(circuit.state)

    assert states == [HALF_OPEN, CLOSED]


@pytest.mark.parametrize(("random", "later"), [(0.0, 2.4), (HALF, 3.0), (1.0, 3.6)])
def test_looks_are_scattered(random: float, later: float) -> None:
    """Replicas that lost the same peer must not look in the same moment."""
    circuit = Circuit(RULES)
    for _ in range(5):
        circuit.record("connect_failure", 100.0, random)
    first = circuit.admit(100.0 + later - 0.01), circuit.admit(100.0 + later + 0.01)
    circuit.record("failure", 100.5, random)
    again = circuit.admit(100.5 + later - 0.01), circuit.admit(100.5 + later + 0.01)

    assert [wait > 0 for wait in (*first, *again)] == [True, False, True, False]


@pytest.mark.parametrize("moment", [104.0, 116.0])
def test_a_probe_of_a_hurried_caller_holds_up_hurried_ones_only(moment: float) -> None:
    """It may end without a verdict; one that can wait goes at the same time."""
    circuit = opened()
    assert circuit.admit(moment, hurried=True) == 0.0

    hurried = circuit.admit(moment + 0.1, hurried=True)
    patient = circuit.admit(moment + 0.1)

    assert hurried > 0
    assert patient == 0.0
    assert circuit.admit(moment + 0.2) > 0


def test_a_circuit_that_closed_begins_with_nothing() -> None:
    """What opened it must not count a second time."""
    circuit = opened()
    for at in (116.0, 117.0, 118.0):
        circuit.admit(at)
        circuit.record("success", at, HALF)
    for _ in range(4):
        circuit.record("connect_failure", 119.0, HALF)
    before = circuit.state
    circuit.record("success", 119.0, HALF)
    for _ in range(14):
        circuit.record("failure", 119.0, HALF)

    assert (before, circuit.state) == (CLOSED, CLOSED)


def test_each_change_says_its_reason() -> None:
    """The status page shows the last one."""
    circuit = opened()
    said = [circuit.reason]
    circuit.admit(116.0)
    said.append(circuit.reason)
    circuit.record("failure", 116.0, HALF)
    said.append(circuit.reason)
    for at in (150.0, 151.0, 152.0):
        circuit.admit(at)
        circuit.record("success", at, HALF)
    said.append(circuit.reason)

    assert said == [
        "5 connections failed in a row",
        "it was time to look again",
        "a probe failed",
        "3 probes were answered",
    ]


def test_a_doubtful_failure_opens_for_no_longer_than_the_first_time() -> None:
    """The one call may be to blame for it, not the peer."""
    circuit = opened()
    spans = []
    for at, verdict in [(116.0, "failure"), (150.0, "failure"), (250.0, "doubtful")]:
        circuit.admit(at)
        circuit.record(verdict, at, HALF)
        spans.append(circuit.open_for(at))
    circuit.admit(270.0)
    circuit.record("failure", 270.0, HALF)

    assert [*spans, circuit.open_for(270.0)] == [30.0, 60.0, 15.0, 30.0]
