"""Drain: the order of the end; what it had to cut is in the log."""

import asyncio
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import ClientError

from gateway.app.drain import Drain
from gateway.server import listeners as runner
from tests.fakes import FakeClock
from tests.inprocess import running_stack
from tests.upstreams import Step, running_upstream

REQUEST_ID = "0123456789abcdef0123456789abcdef"


class Parts:
    """The parts that take part in the end; records their calls."""

    def __init__(self, inside: int) -> None:
        self.calls: list[str] = []
        self.clock = FakeClock()
        self.admission = SimpleNamespace(inside=inside, draining=False)
        self.health = SimpleNamespace(draining=False)
        self.boundary = SimpleNamespace(closing=False)

    async def stop_accepting(self) -> None:
        said = (self.health.draining, self.boundary.closing, self.admission.draining)
        self.calls.append(f"stop_accepting {said}")

    async def close(self) -> None:
        self.calls.append("close")
        asyncio.get_running_loop().call_soon(setattr, self.admission, "inside", 0)

    def flush(self) -> None:
        self.calls.append(f"flush with {self.admission.inside} inside")

    def drain(self) -> Drain:
        here = cast("Any", self)
        options = SimpleNamespace(accept=5.0, finish=30.0)
        return Drain(
            options=cast("Any", options),
            clock=self.clock,
            health=here.health,
            boundary=here.boundary,
            admission=here.admission,
            listeners=here,
            inbox=None,
            log=here,
        )


@pytest.mark.parametrize(("inside", "seconds"), [(0, 5.0), (1, 35.0)])
async def test_what_is_inside_has_the_whole_drain(inside: int, seconds: float) -> None:
    """And an empty gateway does not wait for it."""
    parts = Parts(inside)
    drain = parts.drain()
    began = parts.clock.now()

    await drain.run()

    assert parts.clock.now() - began == pytest.approx(seconds, abs=0.05)
    assert drain.ends == began + 35.0
    assert parts.calls == ["stop_accepting (True, True, False)"]
    assert parts.admission.draining


async def test_the_log_is_flushed_after_the_last_request_has_ended() -> None:
    """Its line is written when its cancellation has gone through."""
    parts = Parts(1)

    await parts.drain().close()

    assert parts.calls == ["close", "flush with 0 inside"]


@pytest.mark.parametrize("count", [1, 3])
async def test_a_request_that_the_drain_cuts_has_its_line(
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    count: int,
) -> None:
    """The ledger lists it as unknown, and an operator searches the log for its id."""
    monkeypatch.setattr(runner, "_SHUTDOWN", 0.05)
    settings = (
        "drain.finish=0.1",
        "telemetry.log_level=info",
        "ratelimit.enabled=false",
        "idempotency.durable=true",
        f"storage.sqlite_path={tmp_path / 'gateway.db'}",
    )
    ids = [f"{REQUEST_ID[:-1]}{number}" for number in range(count)]
    with running_upstream() as upstream:
        upstream.default = Step(held=True)
        async with running_stack(upstream.base_url, *settings) as stack:
            asked = [
                asyncio.create_task(
                    stack.ask(
                        "POST", "/loans", body=b"{}", headers={"X-Request-Id": one}
                    )
                )
                for one in ids
            ]
            await asyncio.to_thread(upstream.wait_for, count)
            stack.stop()
            ends = await asyncio.gather(*asked, return_exceptions=True)
        upstream.release()

    assert all(isinstance(one, ClientError) for one in ends)
    written = [line for line in capfd.readouterr().out.splitlines() if "{" in line]
    lines = [json.loads(line) for line in written]
    cut = [one for one in lines if one["event"] == "request"]
    assert sorted(one["request_id"] for one in cut) == ids
    assert {(one["status"], one["slug"]) for one in cut} == {(499, "cancelled")}
