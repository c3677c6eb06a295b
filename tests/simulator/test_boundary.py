"""Whatever is asked, the answer is in Dinie's shape."""

import asyncio
from typing import Any

import pytest
from aiohttp import ClientSession
from yarl import URL

from tests.simulator.partner import Partner, dinie

PROBLEM = "application/problem+json"
PLACES = (
    *("/customers/{}", "/customers/{}/bank-account", "/customers/{}/credit-offers"),
    *("/credit-offers/{}", "/loans/{}", "/loans/{}/transactions"),
    *("/webhooks/endpoints/{}", "/{}", "/auth/{}", "/customers/{}/{}/{}"),
)
IDS = ("%0A", "a%0Ab", "%0D%0A", "%00", "%2F", "..%2f", "%FF", "%20", "%25", "a;b")


async def ask(partner: Partner, method: str, target: str, **more: Any) -> Any:
    """Send a target as it is; return status, type and Allow."""
    headers = {"Authorization": f"Bearer {partner.token}", **more.pop("headers", {})}
    async with (
        ClientSession() as session,
        session.request(
            method,
            URL(f"{partner.base}{target}", encoded=True),
            headers=headers,
            **more,
        ) as answer,
    ):
        await answer.read()
        return answer.status, answer.content_type, answer.headers.get("Allow")


@pytest.mark.parametrize("identifier", IDS)
async def test_an_odd_id_is_a_404_in_dinies_shape(identifier: str) -> None:
    """A client that reads every error as a problem must find one."""
    async with dinie() as partner:
        found = {
            await ask(partner, "GET", prefix + place.replace("{}", identifier))
            for place in PLACES
            for prefix in ("", "/v3", "/api/v3")
        }

    assert found == {(404, PROBLEM, None)}


async def test_a_path_that_is_no_customers_needs_a_token_too() -> None:
    """As every path does: whether it is there is nobody's business."""
    async with dinie() as partner:
        partner.token = "unknown"

        found = await ask(partner, "GET", "/v3/customers/%0A")

    assert found == (401, PROBLEM, None)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "OPTIONS", "PROPFIND"])
async def test_a_method_that_a_path_has_not_is_a_405_with_what_it_has(
    method: str,
) -> None:
    """RFC 9110 15.5.6."""
    async with dinie() as partner:
        found = await ask(partner, method, "/v3/customers")

    assert found == (405, PROBLEM, "GET, POST")


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "application/json"},
        {"Content-Type": "multipart/form-data"},
        {"Content-Type": "multipart/form-data; boundary=a"},
        {"Content-Type": 'multipart/form-data; boundary="'},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Encoding": "gzip", "Content-Type": "application/json"},
        {"Authorization": "Basic %%%"},
        {"Authorization": "Bearer"},
        {"Idempotency-Key": "\t", "Content-Type": "application/json"},
        {"X-Sim-Fault": "nonsense;=;;"},
        {"X-Sim-Fault": "status;status=x"},
    ],
)
@pytest.mark.parametrize(
    "path",
    ["/auth/token", "/customers", "/customers/x/documents", "/loans", "/_sim/step"],
)
async def test_odd_headers_and_bodies_are_refused_in_dinies_shape(
    headers: dict[str, str], path: str
) -> None:
    """A test that sends nonsense must see what Dinie would say."""
    async with dinie() as partner:
        for body in (b"\xff\xfe", b"[" * 2000, b"null", b'"a"', b"--a\r\n\r\n--a--"):
            status, kind, _ = await ask(
                partner, "POST", path, headers=headers, data=body
            )
            assert (400 <= status < 500, kind) == (True, PROBLEM), (status, body)


@pytest.mark.parametrize("path", ["/_sim/nothing", "/_sim/%0A", "/_sim/"])
async def test_what_the_simulator_has_not_is_a_problem(path: str) -> None:
    """Below `/_sim` as well."""
    async with dinie() as partner:
        found = await ask(partner, "GET", path)

    assert found == (404, PROBLEM, None)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "headers": {"X-A": "a\r\nX-B: b"}},
        {"kind": "status", "headers": {"X-A\n": "a"}},
        {"kind": "redirect", "location": "/a\r\nX-B: b"},
    ],
)
async def test_a_planned_fault_cannot_break_the_simulator(fault: Any) -> None:
    """It is refused when it is planned, and not a 500 later."""
    async with dinie() as partner:
        planned = await partner.call("POST", "/_sim/faults", fault)
        after = await partner.call("GET", "/banks")
        await asyncio.sleep(0)

    assert planned.code == (400, "invalid_field")
    assert after.status == 200
