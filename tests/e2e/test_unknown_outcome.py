"""A POST whose answer is lost: what the caller is told, and what it can do."""

from collections.abc import Iterator

import orjson
import pytest

from tests.e2e.conftest import Start
from tests.e2e.simulated import Simulated, running_simulator
from tests.gateway_process import Live
from tests.upstreams import DROP, RESET, Step, answer
from tests.wire import ask, request

pytestmark = pytest.mark.e2e

BORROWER = orjson.dumps(
    {
        "cpf": "123.456.789-09",
        "cnpj": "12.345.678/0001-95",
        "email": "ana@example.com",
        "phone": "+5511999999999",
    }
)
ATTEMPTS = 4


@pytest.fixture
def simulated() -> Iterator[Simulated]:
    with running_simulator() as running:
        yield running


def create(key: str | None) -> bytes:
    named = [("Content-Type", "application/json")]
    if key is not None:
        named.append(("Idempotency-Key", key))
    return request("POST", "/customers", named, BORROWER)


@pytest.mark.parametrize("key", ["order-1", None])
def test_the_repeat_that_the_problem_asks_for_gets_the_first_answer(
    start: Start, simulated: Simulated, key: str | None
) -> None:
    """The only honest answer is "perhaps"; the key makes it a way out."""
    gateway = start(simulated.base_url)
    simulated.dinie.fault(kind="reset_after", path="/customers", times=ATTEMPTS)

    lost = ask(gateway.port, create(key))
    problem = orjson.loads(lost.body)
    named = lost.get("Idempotency-Key")
    found = ask(gateway.port, create(named))

    assert (lost.status, lost.get("X-Gateway-Error")) == (504, "outcome-unknown")
    assert lost.get("X-Gateway-Attempts") == str(ATTEMPTS)
    assert named
    assert key in {named, None}
    assert named in problem["detail"]
    assert lost.get("Retry-After")
    assert found.status == 201
    assert found.get("X-Gateway-Attempts") == "1"
    assert simulated.executed("/customers") == 1
    assert dict(simulated.dinie.effects) == {named: 1}
    assert simulated.dinie.count("customers") == 1
    listed = ask(gateway.port, request("GET", "/customers"))
    assert orjson.loads(listed.body)["data"][0]["id"] == orjson.loads(found.body)["id"]
    gateway.stop()


def test_the_key_of_a_lost_post_is_good_for_nothing_else(
    start: Start, simulated: Simulated
) -> None:
    """Another body under it would be told the first one's outcome."""
    gateway = start(simulated.base_url)
    simulated.dinie.fault(kind="reset_after", path="/customers", times=ATTEMPTS)

    lost = ask(gateway.port, create(None))
    key = lost.get("Idempotency-Key") or ""
    other = request("POST", "/customers", [("Idempotency-Key", key)], b"{}")
    refused = ask(gateway.port, other)

    assert refused.status == 422
    assert refused.get("X-Gateway-Error") == "idempotency-key-reused"
    gateway.stop()


LOSSES = {
    "dropped": DROP,
    "reset": RESET,
    "cut-head": Step(b"HTTP/1.1 201 Created\r\nContent-Le", "close"),
    "cut-body": Step(answer(201, b'{"id":', length=100), "close"),
    "cut-body-reset": Step(answer(201, b'{"id":', length=100), "reset"),
    "cut-chunks": Step(
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{", "close"
    ),
    "no-last-chunk": Step(
        b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
        "close",
    ),
    "malformed": Step(b"<html>\r\n\r\n", "close"),
}


@pytest.mark.parametrize("step", LOSSES.values(), ids=LOSSES)
def test_a_post_is_tried_again_under_one_key_and_then_unknown(
    live: Live, step: Step
) -> None:
    """However the answer is lost, Dinie can tell that it is one request."""
    live.upstream.default = step

    lost = ask(live.port, request("POST", "/loans", (), b"{}"))

    assert (lost.status, lost.get("X-Gateway-Error")) == (504, "outcome-unknown")
    assert lost.get("X-Gateway-Attempts") == str(ATTEMPTS)
    keys = [received.all("Idempotency-Key") for received in live.upstream.requests]
    assert keys == [[lost.get("Idempotency-Key")]] * ATTEMPTS
    assert [received.body for received in live.upstream.requests] == [b"{}"] * ATTEMPTS


HEADLESS = {"dropped", "reset", "cut-head", "malformed"}  # HEAD has no body to be cut
REPEATED = [
    pytest.param(method, step, id=f"{method}-{name}")
    for method in ("GET", "PUT", "DELETE", "PATCH", "HEAD")
    for name, step in LOSSES.items()
    if method != "HEAD" or name in HEADLESS
]


@pytest.mark.parametrize(("method", "step"), REPEATED)
def test_no_method_is_sent_more_often_than_the_answer_says(
    live: Live, method: str, step: Step
) -> None:
    """Aiohttp would repeat some of them by itself, unseen by budget and quota."""
    live.upstream.default = step

    lost = ask(live.port, request(method, "/customers"), head=method == "HEAD")

    assert (lost.status, lost.get("X-Gateway-Error")) == (502, "upstream-protocol")
    assert lost.get("X-Gateway-Attempts") == str(ATTEMPTS)
    assert len(live.upstream.requests) == ATTEMPTS


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_reused_connection_that_was_closed_costs_one_attempt(
    live: Live, method: str
) -> None:
    """Servers close idle connections; the caller must not notice."""
    ask(live.port, request("GET", "/banks"))
    live.upstream.reset()
    live.upstream.script(DROP)

    served = ask(live.port, request(method, "/customers"))

    assert served.status == 200
    assert served.get("X-Gateway-Attempts") == "2"
    assert len(live.upstream.requests) == 2


def test_what_cannot_be_repeated_is_sent_once(live: Live) -> None:
    """A bootstrap code works once: a second try would burn the session."""
    live.upstream.default = DROP
    body = b'{"code":"dinie_bsc_x"}'

    lost = ask(live.port, request("POST", "/biometrics/session-exchange", (), body))

    assert (lost.status, lost.get("X-Gateway-Error")) == (504, "outcome-unknown")
    assert len(live.upstream.requests) == 1
    assert lost.get("Retry-After") is None
