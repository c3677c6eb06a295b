"""GatewayLists: Dinie's lists through a gateway, whole and slowly."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from gateway.upstream.dinie_lists import GatewayLists, ListingFailed
from tests.fakes import FakeClock
from tests.upstreams import DROP, ScriptedUpstream, Step, answer


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    async with ClientSession() as session:
        yield session


def page(*identifiers: str, more: bool = False) -> Step:
    data = [{"id": one, "status": "active"} for one in identifiers]
    return Step(answer(200, orjson.dumps({"data": data, "has_more": more})))


async def read(lists: GatewayLists, *loans: str) -> list[tuple[str, Any]]:
    return [(kind, one["id"]) async for kind, one in lists.resources(list(loans))]


async def test_every_page_and_every_loan_is_read(
    upstream: ScriptedUpstream, session: ClientSession
) -> None:
    """Loans have no list: they are asked for one by one."""
    upstream.script(
        page("c1", "c2", more=True),
        page("c3"),
        page("o1"),
        Step(answer(200, b'{"id":"ln_1","status":"active"}')),
        Step(answer(404, b"{}")),
    )
    clock = FakeClock()
    lists = GatewayLists(upstream.base_url, session, clock=clock)

    found = await read(lists, "ln_1", "ln_2")

    assert found == [
        ("customer", "c1"),
        ("customer", "c2"),
        ("customer", "c3"),
        ("credit_offer", "o1"),
        ("loan", "ln_1"),
    ]
    assert [one.target.removeprefix("/v3") for one in upstream.requests] == [
        "/customers?limit=100",
        "/customers?limit=100&starting_after=c2",
        "/credit-offers?limit=100",
        "/loans/ln_1",
        "/loans/ln_2",
    ]
    assert upstream.requests[0].all("X-Gateway-Priority") == ["background"]
    assert clock.slept == [0.2] * 5


async def test_a_quota_that_is_spent_is_waited_for(
    upstream: ScriptedUpstream, session: ClientSession
) -> None:
    """Loans come first."""
    busy = Step(answer(429, b"{}", [("Retry-After", "7")]))
    upstream.script(busy, page("c1"), page())
    clock = FakeClock()

    await read(GatewayLists(upstream.base_url, session, clock=clock))

    assert 7.0 in clock.slept


@pytest.mark.parametrize(
    ("step", "says"),
    [
        pytest.param(Step(answer(401, b"{}")), "was answered 401", id="401"),
        pytest.param(Step(answer(503, b"{}")), "again and again", id="503"),
        pytest.param(DROP, "broke off", id="dropped"),
        pytest.param(Step(answer(200, b"{", length=9), "close"), "broke", id="cut"),
        pytest.param(Step(answer(200, b"[" * 99_999)), "JSON object", id="deep"),
        pytest.param(Step(answer(200, b"[]")), "JSON object", id="array"),
    ],
)
async def test_a_list_that_cannot_be_read_is_said(
    upstream: ScriptedUpstream, session: ClientSession, step: Step, says: str
) -> None:
    """Half a list must not pass for the whole."""
    upstream.default = step

    with pytest.raises(ListingFailed, match=says):
        await read(GatewayLists(upstream.base_url, session, clock=FakeClock()))


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(page("c1", more=True), id="in-circles"),
        pytest.param(page(more=True), id="empty"),
        pytest.param(page("c 1/../x", more=True), id="no-plain-id"),
    ],
)
async def test_a_list_without_an_end_is_said(
    upstream: ScriptedUpstream, session: ClientSession, step: Step
) -> None:
    """It would go on for ever, or ask for something else."""
    upstream.default = step

    with pytest.raises(ListingFailed, match="does not list all"):
        await read(GatewayLists(upstream.base_url, session, clock=FakeClock()))

    assert len(upstream.requests) <= 2


@pytest.mark.parametrize(
    "said",
    [
        Step(answer(404, b"{}")),
        Step(answer(200, b'{"data":5}')),
        Step(answer(200, b"{}")),
    ],
    ids=["404", "number", "no-data"],
)
async def test_what_is_no_list_does_not_pass_for_an_empty_one(
    upstream: ScriptedUpstream, session: ClientSession, said: Step
) -> None:
    """An operator would believe that nothing was missed."""
    upstream.script(said)
    lists = GatewayLists(upstream.base_url, session, clock=FakeClock())

    with pytest.raises(ListingFailed, match="gives no list of /customers"):
        await read(lists)


async def test_a_page_in_place_of_a_list_is_not_taken_for_a_gateway_that_is_away(
    upstream: ScriptedUpstream, session: ClientSession
) -> None:
    """An operator who starts a gateway that runs looks in the wrong place."""
    html = [("Content-Type", "text/html; charset=utf-8")]
    upstream.default = Step(answer(200, b"<html>maintenance</html>", html))

    with pytest.raises(ListingFailed) as failed:
        await read(GatewayLists(upstream.base_url, session, clock=FakeClock()))

    assert "GET /customers?limit=100 with 200, but with text/html" in str(failed.value)
    assert "no gateway" not in str(failed.value)


async def test_a_loan_that_is_no_object_does_not_pass_for_none(
    upstream: ScriptedUpstream, session: ClientSession
) -> None:
    """It would be counted as a loan of which nothing was missed."""
    upstream.script(page(), page(), Step(answer(200, b'"maintenance"')))

    with pytest.raises(ListingFailed, match="JSON object"):
        await read(GatewayLists(upstream.base_url, session, clock=FakeClock()), "ln_1")


async def test_no_gateway_is_said(session: ClientSession) -> None:
    """It is not running, or somewhere else."""
    lists = GatewayLists("http://127.0.0.1:1", session, clock=FakeClock())

    with pytest.raises(ListingFailed, match="no gateway answers at"):
        await read(lists)


async def test_an_answer_that_does_not_come_is_said(
    upstream: ScriptedUpstream, session: ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The gateway is there, and holds the request for longer than anybody waits."""
    monkeypatch.setattr("gateway.upstream.dinie_lists._TIMEOUT", 0.05)
    upstream.default = Step(held=True)

    with pytest.raises(ListingFailed, match="was not answered in"):
        await read(GatewayLists(upstream.base_url, session, clock=FakeClock()))
