"""SIGTERM loses nothing that was accepted."""

import signal
import socket
import time
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Start
from tests.gateway_process import GatewayProcess
from tests.upstreams import ScriptedUpstream, Step, answer
from tests.wire import Caller, ask, request

pytestmark = pytest.mark.e2e

GET = request("GET", "/customers")
ACCEPTING = {"GATEWAY__DRAIN__ACCEPT": "1", "GATEWAY__DRAIN__FINISH": "20"}


def started(
    start: Start, upstream: ScriptedUpstream, **settings: str
) -> GatewayProcess:
    gateway = start(upstream.base_url, **(ACCEPTING | settings))
    # Until Dinie's first answer the limiter lets one request through at a time.
    ask(gateway.port, request("GET", "/banks"))
    upstream.requests.clear()
    return gateway


def wait_until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < give_up, "it never came to that"
        time.sleep(0.01)


def draining(gateway: GatewayProcess) -> bool:
    status, body = gateway.admin("/readyz")
    return status == 503 and "draining" in body


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except ConnectionRefusedError:
        return True
    return False


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
def test_a_slow_request_is_finished_and_new_ones_say_goodbye(
    start: Start, upstream: ScriptedUpstream, sign: signal.Signals
) -> None:
    """A deployment in the middle of a loan must not cut it off."""
    gateway = started(start, upstream)
    upstream.script(Step(answer(201, b"slow"), held=True))
    with Caller(gateway.port) as slow, Caller(gateway.port) as kept:
        slow.send(request("POST", "/loans", [("Idempotency-Key", "slow")], b"{}"))
        upstream.wait_for(1)

        gateway.process.send_signal(sign)
        wait_until(lambda: draining(gateway))
        late = ask(gateway.port, GET)
        again = kept.ask(GET)
        wait_until(lambda: refuses(gateway.port))
        upstream.release()
        finished = slow.read()

    assert (late.status, late.get("Connection")) == (200, "close")
    assert (again.status, again.get("Connection")) == (200, "close")
    assert finished is not None
    assert (finished.status, finished.body) == (201, b"slow")
    gateway.ended()


def test_after_the_accept_phase_a_kept_connection_is_told_to_go_elsewhere(
    start: Start, upstream: ScriptedUpstream
) -> None:
    """It is told so before anything is sent: the caller may repeat it at once."""
    gateway = started(start, upstream, GATEWAY__DRAIN__ACCEPT="0")
    upstream.script(Step(answer(), held=True))
    with Caller(gateway.port) as slow, Caller(gateway.port) as kept:
        slow.send(GET)
        upstream.wait_for(1)

        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(gateway.port))
        kept.send(GET)
        refused = kept.read()
        upstream.release()
        finished = slow.read()

    if refused is not None:
        assert (refused.status, refused.get("X-Gateway-Error")) == (503, "draining")
        assert refused.get("Retry-After") or refused.get("Connection") == "close"
    assert finished is not None
    assert finished.status == 200
    assert len(upstream.requests) == 1
    gateway.ended()


def test_a_large_answer_is_finished(start: Start, upstream: ScriptedUpstream) -> None:
    """A stream in flight is a request in flight."""
    body = bytes(4_000_000)
    gateway = started(start, upstream, GATEWAY__DRAIN__ACCEPT="0")
    upstream.script(Step(answer(200, body), held=True, sent_first=2_000_000))
    with Caller(gateway.port) as slow:
        slow.send(GET)
        upstream.wait_for(1)

        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(gateway.port))
        upstream.release()
        finished = slow.read()

    assert finished is not None
    assert len(finished.body) == len(body)
    gateway.ended()


def test_a_wait_that_outlives_the_drain_is_not_begun(
    start: Start, upstream: ScriptedUpstream
) -> None:
    """An honest 503 now beats a dropped connection later."""
    refusal = answer(503, b"busy", [("Retry-After", "9")])
    gateway = started(start, upstream, GATEWAY__DRAIN__FINISH="5")
    upstream.script(Step(refusal, held=True))
    with Caller(gateway.port) as slow:
        slow.send(GET)
        upstream.wait_for(1)

        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: draining(gateway))
        upstream.release()
        told = slow.read()

    assert told is not None
    assert (told.status, told.body) == (503, b"busy")
    assert told.get("Retry-After") == "9"
    assert len(upstream.requests) == 1
    gateway.ended()


def test_an_idle_gateway_ends_at_once(start: Start, upstream: ScriptedUpstream) -> None:
    """Open but silent connections hold nobody up."""
    gateway = started(start, upstream, GATEWAY__DRAIN__ACCEPT="0")
    with Caller(gateway.port), Caller(gateway.port) as kept:
        kept.ask(GET)

        gateway.stop()

        assert gateway.process.returncode == 0


def test_a_second_interrupt_means_now(start: Start, upstream: ScriptedUpstream) -> None:
    """Whoever presses Ctrl-C twice does not want to wait."""
    gateway = started(start, upstream, GATEWAY__DRAIN__ACCEPT="25")

    gateway.process.send_signal(signal.SIGINT)
    wait_until(lambda: draining(gateway))
    gateway.process.send_signal(signal.SIGINT)
    code = gateway.process.wait(20)

    assert code == 130
    assert "Traceback" not in gateway.output
