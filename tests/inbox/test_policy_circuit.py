"""The circuit of a subscriber: when it opens, for how long, and when it closes."""

import pytest

from gateway.core.circuit import CLOSED, OPEN, Circuit
from gateway.inbox.policy import CIRCUIT_RULES


def failing(circuit: Circuit, now: float, verdict: str = "failure") -> float:
    """Let a subscriber's circuit judge one try; return the s that it is open then."""
    if circuit.admit(now) == 0.0:
        circuit.record(verdict, now, 0.5)
    return circuit.open_for(now)


def test_a_subscriber_s_opens_after_failures_in_a_row_and_doubles() -> None:
    """A subscriber that is away keeps the tries of what waits for it."""
    circuit = Circuit(CIRCUIT_RULES)
    still = [failing(circuit, 0.0) for _ in range(9)]
    first = failing(circuit, 0.0)
    later = circuit.open_for(5.0)
    second = failing(circuit, 5.0)
    circuit.record("failure", 14.0, 0.5)  # it was under way before
    same = circuit.open_for(14.0)
    now = 15.0
    for _ in range(20):
        now += failing(circuit, now)

    assert (still, first, later, second, same) == ([0.0] * 9, 5.0, 0.0, 10.0, 1.0)
    assert failing(circuit, now) == 120.0
    assert circuit.state == OPEN


def test_a_subscriber_s_closes_with_the_first_success() -> None:
    """One that fails now and then is never taken for dead, at whatever rate."""
    circuit = Circuit(CIRCUIT_RULES)
    for index in range(30):
        circuit.record("failure" if index % 9 else "success", index * 1e6, 0.5)
    never = circuit.state
    for _ in range(10):
        failing(circuit, 0.0)
    opened = circuit.state
    admitted = circuit.admit(6.0)
    circuit.record("success", 6.0, 0.5)

    assert (never, opened, admitted, circuit.state) == (CLOSED, OPEN, 0.0, CLOSED)


def test_nothing_passes_a_subscriber_s_while_it_is_open() -> None:
    """A try that fails is one that the delivery has no more."""
    circuit = Circuit(CIRCUIT_RULES)
    for _ in range(20):
        failing(circuit, 0.0)
    for _ in range(5):
        failing(circuit, circuit.open_for(0.0))

    opens_at = circuit.open_for(0.0)
    assert circuit.admit(opens_at - 0.1) == pytest.approx(0.1)
    assert circuit.admit(opens_at) == 0.0


def test_a_delivery_that_may_be_to_blame_keeps_the_circuit_short() -> None:
    """Forty bad ones of one type must not hold the others up for hours."""
    circuit, now, waits = Circuit(CIRCUIT_RULES), 0.0, []
    for _ in range(10):
        failing(circuit, now, "doubtful")
    for _ in range(20):
        now += circuit.open_for(now)
        waits.append(failing(circuit, now, "doubtful"))

    assert max(waits) == 5.0
