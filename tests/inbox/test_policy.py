"""An event's facts, its subscribers, and the decision after an attempt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inbox.event_types import UNKNOWN
from gateway.inbox.policy import (
    AttemptResult,
    Facts,
    decide,
    matches,
    read,
    repeats,
)

SCHEDULE = (5.0, 30.0, 120.0)


@pytest.mark.parametrize(
    ("body", "facts"),
    [
        pytest.param(
            b'{"type":"loan.active","data":{"id":"ln_1","status":"active"}}',
            Facts("loan.active", "ln_1", "active"),
            id="whole",
        ),
        pytest.param(b'{"type":"loan.active"}', Facts("loan.active"), id="no-data"),
        pytest.param(
            b'{"type":"galaxy.exploded","data":{"id":"x"}}',
            Facts("galaxy.exploded", "x"),
            id="unheard-of",
        ),
        pytest.param(b'{"data":{"id":"ln_1"}}', Facts(UNKNOWN, "ln_1"), id="no-type"),
        pytest.param(b'{"type":7}', Facts(), id="number"),
        pytest.param(b'{"type":"unknown"}', Facts(), id="called-unknown"),
        pytest.param(b'{"type":"a b"}', Facts(), id="blank"),
        pytest.param(b'{"type":"a\\nb"}', Facts(), id="line-end"),
        pytest.param(b'{"type":"' + b"a" * 500 + b'"}', Facts(), id="long"),
        pytest.param(
            b'{"type":"a.b","data":{"id":"\\u0000","status":["x"]}}',
            Facts("a.b"),
            id="odd-id",
        ),
        pytest.param(b'{"type":"a.b","data":[1]}', Facts("a.b"), id="data-is-a-list"),
        pytest.param(b"[]", Facts(), id="list"),
        pytest.param(b"", Facts(), id="empty"),
        pytest.param(b"\x1f\x8b\x08", Facts(), id="gzip"),
        pytest.param(b"[" * 100_000, Facts(), id="deep"),
        pytest.param(b"\xff\xfe", Facts(), id="no-utf-8"),
    ],
)
def test_the_facts_of_a_body(body: bytes, facts: Facts) -> None:
    """What is no JSON is kept and passed on all the same."""
    assert read(body) == facts


ACTIVE = '{"type":"customer.active","data":{"id":"cust_1","status":"active",%s}}'


@pytest.mark.parametrize(
    "member",
    [
        pytest.param(r'"name":"\ud83c"', id="unpaired-surrogate"),
        pytest.param('"amount":1e400', id="beyond-a-double"),
        pytest.param('"amount":-1E+400', id="far-below-zero"),
        pytest.param(f'"amount":{"9" * 5000}', id="long-integer"),
        pytest.param('"list":' + "[" * 1100 + "]" * 1100, id="nested-lists"),
        pytest.param(
            '"tree":' + '{"a":' * 1100 + "1" + "}" * 1100, id="nested-objects"
        ),
        pytest.param('"list":' + "[" * 60_000 + "]" * 60_000, id="nested-to-the-cap"),
        pytest.param('"name":"a\tb"', id="raw-tab"),
    ],
)
def test_an_event_that_the_grammar_allows_has_its_type(member: str) -> None:
    """It is signed: as `unknown` it would reach nobody but `*`."""
    facts = read((ACTIVE % member).encode())

    assert facts == Facts("customer.active", "cust_1", "active")


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"\xef\xbb\xbf" + (ACTIVE % '"a":1').encode(), id="mark"),
        pytest.param((ACTIVE % '"name":"Jo\xe3o"').encode("latin-1"), id="latin-1"),
    ],
)
def test_an_odd_encoding_does_not_hide_the_type(body: bytes) -> None:
    """Whoever reads the bytes may be more lenient than the gateway."""
    assert read(body).event_type == "customer.active"


@pytest.mark.parametrize(
    "moment", ["[" * 1000 + "]" * 1000, "1e400", '{"a":1}', "-1e400", "NaN"]
)
def test_an_odd_timestamp_is_none(moment: str) -> None:
    """It is text or a number; nothing else is written out to be read."""
    body = f'{{"type":"loan.active","timestamp":{moment}}}'.encode()

    assert read(body) == Facts("loan.active")


@given(st.binary(max_size=200))
def test_no_body_makes_it_raise(body: bytes) -> None:
    """It was signed; whatever it is, it is kept."""
    assert read(body).event_type


@pytest.mark.parametrize(
    ("patterns", "event_type", "fits"),
    [
        (["*"], "loan.active", True),
        (["*"], UNKNOWN, True),
        (["loan.*"], "loan.active", True),
        (["loan.*"], "loan", False),
        (["loan.*"], "loaner.active", False),
        (["loan.active"], "loan.active", True),
        (["loan.active"], "loan.activated", False),
        (["customer.*", "loan.active"], "loan.active", True),
        (["unknown"], UNKNOWN, False),
        (["unknown.*"], UNKNOWN, False),
    ],
)
def test_patterns(patterns: list[str], event_type: str, *, fits: bool) -> None:
    """As Dinie's own endpoints have them."""
    assert matches(patterns, event_type) is fits


@pytest.mark.parametrize(
    ("done", "tries", "outcome", "wait"),
    [
        pytest.param(AttemptResult(200), 1, "delivered", 0.0, id="taken"),
        pytest.param(AttemptResult(299), 9, "delivered", 0.0, id="taken-late"),
        pytest.param(AttemptResult(302), 1, "retry", 5.0, id="redirect"),
        pytest.param(AttemptResult(400), 1, "retry", 5.0, id="its-bug"),
        pytest.param(AttemptResult(500), 2, "retry", 30.0, id="second"),
        pytest.param(
            AttemptResult(None, error="timeout"), 3, "retry", 120.0, id="third"
        ),
        pytest.param(AttemptResult(500), 4, "dead", 0.0, id="last"),
        pytest.param(AttemptResult(503, 60.0), 1, "retry", 60.0, id="asked-to-wait"),
        pytest.param(AttemptResult(503, 1.0), 1, "retry", 5.0, id="asked-for-less"),
        pytest.param(
            AttemptResult(503, 1e9), 1, "retry", 86_400.0, id="asked-for-ever"
        ),
        pytest.param(AttemptResult(410), 1, "disabled", 5.0, id="wants-no-more"),
        pytest.param(
            AttemptResult(410), 4, "disabled", 120.0, id="wants-no-more-at-last"
        ),
    ],
)
def test_what_becomes_of_a_delivery(
    done: AttemptResult, tries: int, outcome: str, wait: float
) -> None:
    """Every wait of the schedule, and after the last one a human."""
    decision = decide(done, attempts=tries, schedule=SCHEDULE, random=0.5)

    assert decision.outcome == outcome
    assert decision.wait == pytest.approx(wait)


@pytest.mark.parametrize(("random", "wait"), [(0.0, 4.0), (0.999_999, 6.0)])
def test_waits_are_spread(random: float, wait: float) -> None:
    """Else all that failed together come together again."""
    decision = decide(AttemptResult(500), attempts=1, schedule=SCHEDULE, random=random)

    assert decision.wait == pytest.approx(wait, rel=1e-3)


@pytest.mark.parametrize(
    ("done", "doubtful"),
    [
        (AttemptResult(500), True),
        (AttemptResult(503), False),
        (AttemptResult(429), False),
        (AttemptResult(None), False),
    ],
)
def test_a_500_may_be_the_fault_of_one_delivery(
    done: AttemptResult, *, doubtful: bool
) -> None:
    """What a load balancer says is of the subscriber."""
    assert done.doubtful is doubtful


def attempt(
    delivery_id: str, rest: str = '"type":"a.b","data":{"status":"x"}'
) -> bytes:
    return f'{{"delivery_id":"{delivery_id}",{rest}}}'.encode()


@pytest.mark.parametrize(
    ("first", "later", "same"),
    [
        pytest.param(attempt("dlv_1"), attempt("dlv_2"), True, id="another-attempt"),
        pytest.param(
            attempt("dlv_1", '"type":"a.b"'),
            attempt("dlv_2", '"type":"a.c"'),
            False,
            id="another-type",
        ),
        pytest.param(
            attempt("active", '"status":"active"'),
            attempt("denied", '"status":"denied"'),
            False,
            id="called-like-the-status",
        ),
        pytest.param(attempt("dlv_1"), attempt("dlv_2") + b" ", False, id="blank"),
        pytest.param(
            attempt("dlv_1", '"type":"a","type":"b"'),
            attempt("dlv_2", '"type":"c","type":"b"'),
            False,
            id="twice-the-same-key",
        ),
        pytest.param(
            b'{"type":"a.b","data":{"delivery_id":"dlv_1"}}',
            b'{"type":"a.b","data":{"delivery_id":"dlv_2"}}',
            False,
            id="somewhere-else",
        ),
        pytest.param(attempt("dlv_1"), b'{"type":"a.b"}', False, id="without-one"),
        pytest.param(attempt("dlv_1"), b"no JSON", False, id="no-JSON"),
        pytest.param(b"[1]", b"[2]", False, id="lists"),
        pytest.param(
            attempt("\\ud83c"), attempt("\\ud83d"), False, id="written-otherwise"
        ),
    ],
)
def test_an_attempt_of_the_same_event_is_a_repeat(
    first: bytes, later: bytes, *, same: bool
) -> None:
    """A conflict raises an alert that says to replace the secret."""
    assert repeats(first, later) is same
