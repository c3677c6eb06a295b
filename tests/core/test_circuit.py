"""Circuit: when it opens, for how long, and how it closes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.breaker.options import BreakerOptions
from gateway.core.circuit import CLOSED, HALF_OPEN, OPEN, Circuit

RULES = BreakerOptions().rules()
HALF = 0.5  # neither more nor less than the nominal time open


def fed(*verdicts: str, at: float = 100.0) -> Circuit:
    circuit = Circuit(RULES)
    for verdict in verdicts:
        assert circuit.admit(at) == 0.0
        circuit.record(verdict, at, HALF)
    return circuit


def opened(at: float = 100.0) -> Circuit:
    return fed(*["connect_failure"] * 5, at=at)


@pytest.mark.parametrize(
    ("verdicts", "state"),
    [
        pytest.param(["failure"] * 19, CLOSED, id="too-few-calls"),
        pytest.param(["failure"] * 20, OPEN, id="enough-calls"),
        pytest.param(["success"] * 10 + ["failure"] * 10, OPEN, id="half"),
        pytest.param(["success"] * 11 + ["failure"] * 10, CLOSED, id="under-half"),
        pytest.param(["ignored"] * 50, CLOSED, id="no-verdict"),
        pytest.param(["failure"] * 19 + ["ignored"] * 9, CLOSED, id="not-counted"),
        pytest.param(["timeout"] * 9, CLOSED, id="some-hang"),
        pytest.param(["timeout"] * 10, OPEN, id="many-hang"),
        pytest.param(["connect_failure"] * 4, CLOSED, id="four-connects"),
        pytest.param(["connect_failure"] * 5, OPEN, id="five-connects"),
        pytest.param(
            ["connect_failure"] * 4 + ["success"] + ["connect_failure"] * 4,
            CLOSED,
            id="not-in-a-row",
        ),
        pytest.param(
            ["connect_failure"] * 4 + ["failure"] + ["connect_failure"] * 4,
            CLOSED,
            id="it-answered-in-between",
        ),
    ],
)
def test_it_opens_on_a_ratio_or_on_refused_connects(
    verdicts: list[str], state: int
) -> None:
    """A few failures are weather, many are a broken upstream."""
    assert fed(*verdicts).state == state


def test_failures_older_than_the_window_are_forgotten() -> None:
    """An upstream that recovered an hour ago is well."""
    circuit = fed(*["failure"] * 19)

    circuit.record("failure", 131.0, HALF)

    assert circuit.state == CLOSED


def test_failures_within_the_window_add_up() -> None:
    """Slices are forgotten one by one, not all at once."""
    circuit = fed(*["failure"] * 19)

    circuit.record("failure", 126.0, HALF)

    assert circuit.state == OPEN


@pytest.mark.parametrize(
    ("random", "expected"),
    [
        pytest.param(0.0, 12.0, id="least"),
        pytest.param(0.5, 15.0, id="nominal"),
        pytest.param(1.0, 18.0, id="most"),
    ],
)
def test_it_stays_open_for_a_scattered_while(random: float, expected: float) -> None:
    """Replicas must not all come back together."""
    circuit = fed(*["connect_failure"] * 4)
    circuit.record("connect_failure", 100.0, random)

    assert circuit.admit(100.0) == pytest.approx(expected)


def test_the_time_open_doubles_up_to_two_minutes() -> None:
    """A long outage is asked about less and less often."""
    circuit, now, waits = opened(), 100.0, []

    for _ in range(6):
        waits.append(circuit.admit(now))
        now += waits[-1]
        circuit.admit(now)
        circuit.record("failure", now, HALF)

    assert waits == pytest.approx([15.0, 30.0, 60.0, 120.0, 120.0, 120.0])


def test_half_open_admits_one_probe_at_a_time() -> None:
    """A sick upstream is not given the whole load to prove itself."""
    circuit = opened()

    first, second = circuit.admit(115.0), circuit.admit(115.0)

    assert (first, second, circuit.state) == (0.0, 1.0, HALF_OPEN)


def test_three_successes_close() -> None:
    """And the next outage begins with a short time open again."""
    circuit = opened()

    states = []
    for _ in range(3):
        circuit.admit(115.0)
        circuit.record("success", 115.0, HALF)
        states.append(circuit.state)
    for _ in range(5):
        circuit.record("connect_failure", 116.0, HALF)

    assert states == [HALF_OPEN, HALF_OPEN, CLOSED]
    assert circuit.admit(116.0) == pytest.approx(15.0)


def test_a_probe_without_a_verdict_makes_room_for_another() -> None:
    """A caller that hung up has proved nothing."""
    circuit = opened()
    circuit.admit(115.0)

    circuit.record("ignored", 115.1, HALF)

    assert (circuit.admit(115.2), circuit.state) == (0.0, HALF_OPEN)


def test_a_verdict_while_open_changes_nothing() -> None:
    """Attempts from before still end."""
    circuit = opened()

    circuit.record("success", 101.0, HALF)

    assert (circuit.state, circuit.admit(101.0)) == (OPEN, 14.0)


@given(
    st.lists(st.floats(0.001, 5.0), min_size=1, max_size=400),
    st.floats(0.0, 1.0),
    st.sampled_from(["failure", "connect_failure"]),
)
def test_a_dead_upstream_is_asked_a_bounded_number_of_times(
    gaps: list[float], random: float, verdict: str
) -> None:
    """However fast callers come: 20 to notice, then one probe per time open."""
    circuit, now, asked = Circuit(RULES), 0.0, 0

    for gap in gaps:
        now += gap
        if circuit.admit(now) == 0.0:
            asked += 1
            circuit.record(verdict, now, random)

    slow = 30.0 / RULES.min_calls  # callers so rare never fill the window
    if max(gaps) < slow or verdict == "connect_failure":
        assert asked <= RULES.min_calls + now / (RULES.open_for * 0.8)


def test_a_post_lets_others_look_first() -> None:
    """Whether Dinie is back is not to be tried with somebody's loan."""
    circuit = opened(at=100.0)

    posted = circuit.admit(115.0, safe=False)
    looked = circuit.admit(115.5)
    alone = opened(at=100.0).admit(116.0, safe=False)

    assert (posted, looked, alone) == (1.0, 0.0, 0.0)


@pytest.mark.parametrize(
    ("verdicts", "reason"),
    [
        (["connect_failure"] * 5, "5 connections failed in a row"),
        (["failure"] * 20, "one call after another failed"),
        (["success"] * 12 + ["failure"] * 12, "12 of 24 calls failed in 30 s"),
        (["success"], "nothing has failed yet"),
    ],
)
def test_the_last_change_has_a_reason(verdicts: list[str], reason: str) -> None:
    """For whoever reads the page at night."""
    circuit = fed(*verdicts)

    assert circuit.reason == reason
    assert circuit.changed_at == (None if "nothing" in reason else 100.0)


def test_it_opens_for_no_longer_than_it_may() -> None:
    """The token endpoint's is looked at again sooner."""
    circuit, now = Circuit(BreakerOptions().rules(longest=20.0)), 100.0
    for _ in range(5):
        circuit.record("connect_failure", now, HALF)
    spans = []
    for _ in range(4):
        spans.append(circuit.admit(now))
        now += spans[-1]
        circuit.admit(now)
        circuit.record("failure", now, HALF)

    assert spans == pytest.approx([15.0, 20.0, 20.0, 20.0])


def test_while_it_is_open_something_harmless_may_look() -> None:
    """Every three seconds; a success is the first of three probes."""
    circuit = opened(at=100.0)

    soon = circuit.admit(102.9)
    posted = circuit.admit(103.0, safe=False)
    looks = circuit.admit(103.0)
    beside = circuit.admit(103.1)
    circuit.record("failure", 104.0, HALF)
    again = circuit.admit(106.9)
    looks_again = circuit.admit(107.0)
    circuit.record("success", 107.1, HALF)

    assert (soon > 0, posted > 0, beside > 0, again > 0) == (True,) * 4
    assert (looks, looks_again, circuit.state) == (0.0, 0.0, HALF_OPEN)
    for _ in range(2):
        assert circuit.admit(107.2) == 0.0
        circuit.record("success", 107.2, HALF)
    assert circuit.state == CLOSED


def test_a_row_of_failures_is_of_one_window() -> None:
    """Twenty a day apart are weather."""
    circuit, now = Circuit(RULES), 100.0
    for _ in range(40):
        circuit.record("failure", now, HALF)
        now += 5.0

    assert circuit.state == CLOSED
