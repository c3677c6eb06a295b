"""Which request a fault is for."""

from typing import Any

import pytest

from gateway.simulator.faults import Fault, Faults
from gateway.simulator.ids import Ids
from gateway.simulator.response import Refusal
from tests.simulator.partner import dinie


def hits(faults: Faults, count: int, asked: str | None = None) -> list[bool]:
    found = [faults.next("GET", "/loans/1", asked, "k") for _ in range(count)]
    return [fault is not None for fault in found]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        pytest.param({}, [True, False, False], id="once"),
        pytest.param({"times": 2}, [True, True, False], id="twice"),
        pytest.param({"times": None}, [True, True, True], id="for-ever"),
        pytest.param({"after": 1}, [False, True, False], id="later"),
        pytest.param({"path": "/loans/*"}, [True, False, False], id="path"),
        pytest.param({"path": "/customers"}, [False, False, False], id="other-path"),
        pytest.param({"method": "POST"}, [False, False, False], id="other-method"),
        pytest.param({"probability": 0.0}, [False, False, False], id="never"),
    ],
)
def test_a_fault_meets_the_requests_it_is_for(
    fault: dict[str, Any], expected: list[bool]
) -> None:
    """A test breaks one call and no other."""
    faults = Faults(Ids(1))
    faults.plan(kind="latency", **fault)

    assert hits(faults, 3) == expected


def test_a_probability_repeats_under_a_seed() -> None:
    """A failing run can be run again."""
    runs = []
    for _ in range(2):
        faults = Faults(Ids(7))
        faults.plan(kind="latency", times=None, probability=0.5)
        runs.append(hits(faults, 50))

    assert runs[0] == runs[1]
    assert 10 < sum(runs[0]) < 40


def test_a_header_asks_for_its_own_fault() -> None:
    """Anybody can try one with curl."""
    faults = Faults(Ids(1))

    fault = faults.next("GET", "/x", "status;status=503; seconds=0.5;times=2", "")

    assert fault == Fault(kind="status", status=503, seconds=0.5, times=2)
    assert hits(faults, 3, "hang;times=2;processed=true") == [True, True, False]


def test_a_header_s_fault_is_counted_for_each_key() -> None:
    """A retried call comes through, another one fails anew."""
    faults = Faults(Ids(1))

    found = [faults.next("GET", "/", "unauthorized", key) for key in ("a", "a", "b")]

    assert [fault is not None for fault in found] == [True, False, True]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param("latency;after=1", [False, True, False], id="later"),
        pytest.param("latency;times=", [True, True, True], id="for-ever"),
        pytest.param("latency;times=null;after=1", [False, True, True], id="null"),
        pytest.param("latency;path=/customers", [False] * 3, id="other-path"),
        pytest.param("latency;method=POST", [False] * 3, id="other-method"),
        pytest.param("latency;probability=0", [False] * 3, id="never"),
    ],
)
def test_a_header_means_what_a_planned_fault_does(
    asked: str, expected: list[bool]
) -> None:
    """One set of fields to remember."""
    assert hits(Faults(Ids(1)), 3, asked) == expected


def test_a_planned_fault_comes_after_the_one_that_was_asked_for() -> None:
    """Both happen, on two arrivals."""
    faults = Faults(Ids(1))
    faults.plan(kind="unauthorized")

    found = [faults.next("GET", "/", "latency", "k") for _ in range(3)]

    assert [fault and fault.kind for fault in found] == [
        "latency",
        "unauthorized",
        None,
    ]


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param({"kind": "explosion"}, id="kind"),
        pytest.param({"kind": "hang", "second": 1}, id="field"),
        pytest.param({"kind": "hang", "seconds": "long"}, id="seconds"),
        pytest.param({"kind": "hang", "seconds": float("inf")}, id="for-ever"),
        pytest.param({"kind": "status", "status": 1000}, id="status"),
        pytest.param({"kind": "status", "body": "xml"}, id="body"),
        pytest.param({"kind": "latency", "probability": 2}, id="probability"),
        pytest.param({"kind": "latency", "headers": {"a": 1}}, id="headers"),
    ],
)
def test_an_unknown_fault_is_refused(fault: dict[str, Any]) -> None:
    """A typing error is no passing test."""
    with pytest.raises(Refusal) as refused:
        Faults(Ids(1)).plan(**fault)

    assert refused.value.reply.status == 400


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param("explosion", id="kind"),
        pytest.param("hang;second=1", id="field"),
        pytest.param("hang;seconds=long", id="value"),
        pytest.param("hang;headers=a", id="headers"),
    ],
)
async def test_an_unknown_fault_in_a_header_is_a_400(asked: str) -> None:
    """It says what is wrong instead of failing."""
    async with dinie() as partner:
        reply = await partner.call("GET", "/banks", headers={"X-Sim-Fault": asked})

    assert reply.status == 400


def test_cleared_faults_are_over() -> None:
    """The next test begins clean."""
    faults = Faults(Ids(1))
    faults.plan(kind="latency", times=None)

    faults.clear()

    assert hits(faults, 1) == [False]
