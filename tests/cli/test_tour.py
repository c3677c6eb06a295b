"""The scripted tour: four faults, one borrower."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.app.listeners import Addresses
from gateway.cli.tour import tour
from gateway.simulator.server import Simulator


class CountingDinie:
    """A Dinie that only counts."""

    def __init__(self, customers: int) -> None:
        self.customers = customers
        self.faults: list[Any] = []
        self.effects = {"gw-retry-1": 1}

    def fault(self, **fault: Any) -> None:
        self.faults.append(fault["kind"])

    def count(self, kind: str) -> int:
        assert kind == "customers"
        return self.customers


@pytest.mark.parametrize(
    ("status", "attempts", "customers", "good"),
    [
        pytest.param(201, 5, 1, True, id="as-promised"),
        pytest.param(504, 5, 1, False, id="no-answer"),
        pytest.param(201, 1, 1, False, id="no-fault-met"),
        pytest.param(201, 5, 2, False, id="two-borrowers"),
    ],
)
async def test_the_tour_succeeds_only_with_one_borrower_behind_four_faults(
    status: int, attempts: int, customers: int, good: bool
) -> None:
    """The demo proves something, or says that it does not."""

    async def answer(request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        assert "Idempotency-Key" not in request.headers
        headers = {"Idempotency-Key": "gw-retry-1"}
        headers["X-Gateway-Attempts"] = str(attempts)
        return web.json_response({"id": "cust_1"}, status=status, headers=headers)

    application = web.Application()
    application.router.add_post("/v3/customers", answer)
    dinie, lines = CountingDinie(customers), list[str]()

    async with TestServer(application) as server:
        addresses = SimpleNamespace(proxy=f"127.0.0.1:{server.port}")
        found = await tour(
            cast("Addresses", addresses), cast("Simulator", dinie), echo=lines.append
        )

    assert found is good
    assert dinie.faults == ["token_expired", "status", "status", "reset_after"]
    assert lines[-1] == (
        "One call, one customer." if good else "That is not what should have happened."
    )
