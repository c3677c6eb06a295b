"""Two requests under one key at the same time are one request."""

import pytest

from tests.gateway_process import Live
from tests.upstreams import DROP, Step, answer
from tests.wire import Caller, ask, request

pytestmark = pytest.mark.e2e


def loan(key: str, body: bytes = b"{}", header: str = "Idempotency-Key") -> bytes:
    return request("POST", "/loans", [(header, key)], body)


def settle(live: Live) -> None:
    """Have the requests sent so far looked at, before the held answer goes out."""
    for _ in range(3):
        ask(live.port, request("GET", "/banks"))


def test_a_second_post_gets_the_first_ones_answer(live: Live) -> None:
    """A double click is one loan."""
    live.upstream.script(Step(answer(201, b'{"id":"ln_1"}'), held=True))

    with Caller(live.port) as first, Caller(live.port) as second:
        first.send(loan("double"))
        live.upstream.wait_for(1)
        second.send(loan("double", header="X-Idempotency-Key"))
        settle(live)
        live.upstream.release()
        answers = [first.read(), second.read()]

    assert [(got.status, got.body) for got in answers if got] == [
        (201, b'{"id":"ln_1"}'),
        (201, b'{"id":"ln_1"}'),
    ]
    leader, follower = answers
    assert leader is not None
    assert follower is not None
    assert leader.all("Idempotency-Replayed") == []
    assert follower.get("Idempotency-Replayed") == "true"
    assert leader.get("Idempotency-Key") == follower.get("Idempotency-Key") == "double"
    posted = [got for got in live.upstream.requests if got.method == "POST"]
    assert len(posted) == 1


def test_another_body_under_the_key_is_refused_at_once(live: Live) -> None:
    """It is another loan: it must not be told of the first one's success."""
    live.upstream.script(Step(answer(201), held=True))

    with Caller(live.port) as first:
        first.send(loan("other"))
        live.upstream.wait_for(1)
        refused = ask(live.port, loan("other", b'{"amount":1}'))
        live.upstream.release()
        served = first.read()

    assert refused.status == 422
    assert refused.get("X-Gateway-Error") == "idempotency-key-reused"
    assert served is not None
    assert served.status == 201
    assert len(live.upstream.requests) == 1


def test_all_who_wait_learn_that_the_outcome_is_unknown(live: Live) -> None:
    """Nobody is told less than the one who asked first."""
    live.upstream.script(Step(b"", "close", held=True), DROP, DROP, DROP)

    with Caller(live.port) as first, Caller(live.port) as second:
        first.send(loan("lost"))
        live.upstream.wait_for(1)
        second.send(loan("lost"))
        live.upstream.release()
        answers = [first.read(), second.read()]

    slugs = [got.get("X-Gateway-Error") for got in answers if got is not None]
    assert slugs == ["outcome-unknown", "outcome-unknown"]
    assert len(live.upstream.requests) == 4


def test_the_second_gets_its_answer_although_the_first_has_left(live: Live) -> None:
    """The first caller's time-out is how a second request comes about."""
    live.upstream.script(Step(answer(201, b"kept"), held=True))

    with Caller(live.port) as first, Caller(live.port) as second:
        first.send(loan("left-behind"))
        live.upstream.wait_for(1)
        second.send(loan("left-behind"))
        settle(live)
        first.socket.close()
        settle(live)
        live.upstream.release()
        served = second.read()

    assert served is not None
    assert (served.status, served.body) == (201, b"kept")
    posted = [got for got in live.upstream.requests if got.method == "POST"]
    assert len(posted) == 1


def test_different_keys_do_not_wait_for_each_other(live: Live) -> None:
    """One slow loan is nobody else's business."""
    live.upstream.script(Step(answer(201, b"slow"), held=True))

    with Caller(live.port) as first:
        first.send(loan("slow-one"))
        live.upstream.wait_for(1)
        quick = ask(live.port, loan("quick-one"))
        live.upstream.release()
        slow = first.read()

    assert (quick.status, quick.body) == (200, b"{}")
    assert slow is not None
    assert slow.body == b"slow"
