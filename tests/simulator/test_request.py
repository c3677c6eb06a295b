"""Requests of the simulated API: every prefix, and what a body is read as."""

import pytest

from gateway.simulator.request import ApiRequest, call_of
from gateway.simulator.response import Refusal
from tests.simulator.partner import dinie

JSON = {"content-type": "application/json"}


def asked(method: str, path: str, body: bytes, **headers: str) -> ApiRequest:
    return ApiRequest(method, path, "limit=1", {**JSON, **headers}, body, path, (), "")


def test_a_post_holds_the_fields_of_its_json() -> None:
    """Operations work on fields, not on bytes."""
    call = call_of(asked("POST", "/loans", b'{"a": 1}'), "cust_1")

    assert (call.content, call.query, call.customer_id) == (
        {"a": 1},
        "limit=1",
        "cust_1",
    )


def test_an_upload_is_read_by_its_parts() -> None:
    """JSON in place of a form is what one of the SDKs sends by mistake."""
    with pytest.raises(Refusal) as refused:
        call_of(asked("POST", "/customers/{id}/documents", b"{}"), None)

    assert refused.value.reply.status == 400


def test_the_body_of_a_get_is_not_read() -> None:
    """The Python SDK names a content type on every request."""
    assert call_of(asked("GET", "/customers", b"no JSON"), None).content == {}


@pytest.mark.parametrize("path", ["/v3", "/api/v3", "/v3/v3/banks", "/v3x/banks"])
async def test_a_prefix_alone_or_twice_is_no_route(path: str) -> None:
    """As at Dinie: a wrong base URL must not pass for a right one."""
    async with dinie() as partner:
        reply = await partner.call("GET", path)

    assert reply.code == (404, "not_found")
