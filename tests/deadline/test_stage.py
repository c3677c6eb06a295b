"""DeadlineStage: one moment that everything below draws on."""

from typing import cast

import pytest
from aiohttp import web

from gateway.core.errors import BadRequest
from gateway.core.exchange import Exchange
from gateway.core.stage import EXCHANGE
from gateway.deadline.options import DeadlineOptions
from gateway.deadline.stage import DeadlineStage
from tests.exchanges import new_exchange

ANSWER = web.Response()


async def run(exchange: Exchange) -> web.StreamResponse:
    async def handler(_: web.BaseRequest) -> web.StreamResponse:
        return ANSWER

    request = cast("web.BaseRequest", {EXCHANGE: exchange})
    return await DeadlineStage(DeadlineOptions())(request, handler)


@pytest.mark.parametrize(
    ("control", "upload", "deadline"),
    [
        pytest.param({}, False, 125.0, id="default"),
        pytest.param({}, True, 155.0, id="upload"),
        pytest.param({"x-request-timeout-ms": "500"}, False, 100.5, id="lowered"),
    ],
)
async def test_the_deadline_counts_from_the_requests_start(
    control: dict[str, str], deadline: float, *, upload: bool
) -> None:
    """Time spent on a slow body is the caller's time too."""
    exchange = new_exchange("r", "GET", "/", 100.0, control=control, upload=upload)

    answer = await run(exchange)

    assert (exchange.deadline, answer) == (deadline, ANSWER)


async def test_a_faulty_budget_goes_no_further() -> None:
    """Nothing is spent on a request that cannot be timed."""
    exchange = new_exchange(
        "r", "GET", "/", 100.0, control={"x-request-timeout-ms": "x"}
    )

    with pytest.raises(BadRequest):
        await run(exchange)
