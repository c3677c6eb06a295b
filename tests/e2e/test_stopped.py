"""A process that was stopped reads what arrived before it calls anything overdue."""

import signal
import time
from contextlib import ExitStack

import pytest

from tests.e2e.conftest import Start
from tests.upstreams import ScriptedUpstream, Step, answer
from tests.wire import Caller, ask, request

pytestmark = pytest.mark.e2e

LIMITS = {
    "GATEWAY__DEADLINE__FIRST_BYTE": "0.5",
    "GATEWAY__DEADLINE__ATTEMPT": "0.6",
    "GATEWAY__BREAKER__ENABLED": "true",
    "GATEWAY__BREAKER__MIN_CALLS": "2",
}
EXCHANGE = request("POST", "/biometrics/session-exchange", (), b'{"code":"x"}')
STOPPED = 0.9  # s; longer than an attempt may take
CALLERS = 6


def test_responses_that_came_while_it_was_stopped_are_relayed(
    start: Start, upstream: ScriptedUpstream
) -> None:
    """A customer's session works once: called unknown, it would be burnt."""
    gateway = start(upstream.base_url, **LIMITS)
    ask(gateway.port, request("GET", "/banks"))
    upstream.script(*[Step(answer(200, b"session"), held=True)] * CALLERS)
    with ExitStack() as stack:
        callers = [stack.enter_context(Caller(gateway.port)) for _ in range(CALLERS)]
        for caller in callers:
            caller.send(EXCHANGE)
        upstream.wait_for(1 + CALLERS)

        gateway.process.send_signal(signal.SIGSTOP)
        upstream.release()
        time.sleep(STOPPED)
        gateway.process.send_signal(signal.SIGCONT)
        told = [caller.read() for caller in callers]
    after = ask(gateway.port, request("POST", "/loans", (), b"{}"))

    assert [(one.status, one.body) for one in told if one] == [
        (200, b"session")
    ] * CALLERS
    assert after.status == 200
    gateway.stop()
