"""The simulated token endpoint: both dialects, lives, sessions."""

from typing import Any

import pytest
from aiohttp import encode_basic_auth

from tests.simulator.partner import dinie

CLIENT, SECRET = "dinie_ci_test_simulator", "dinie_cs_test_simulator"
GRANT = {"grant_type": "client_credentials"}
PAIR = {**GRANT, "client_id": CLIENT, "client_secret": SECRET}
NONE: dict[str, str] = {}


def basic(client: str, secret: str) -> dict[str, str]:
    return {"Authorization": encode_basic_auth(client, secret)}


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"headers": basic(CLIENT, SECRET)}, id="basic-and-form"),
        pytest.param(
            {"headers": NONE, "data": None, "json": PAIR},
            id="json",
        ),
        pytest.param(
            {"headers": NONE, "data": PAIR},
            id="form",
        ),
    ],
)
async def test_a_token_is_given_in_every_dialect(given: dict[str, Any]) -> None:
    """The documentation and the SDKs ask in different ways."""
    async with dinie() as partner:
        reply = await partner.mint(**given)
        used = await partner.call("GET", "/banks")

    assert reply.json["token_type"] == "bearer"
    assert reply.json["expires_in"] == 3600
    assert reply.json["access_token"].startswith("dinie_at_")
    assert used.status == 200


@pytest.mark.parametrize(
    ("given", "code"),
    [
        pytest.param(
            {"headers": basic(CLIENT, "wrong")}, (401, "invalid_client"), id="secret"
        ),
        pytest.param(
            {"headers": basic("nobody", SECRET)}, (401, "invalid_client"), id="client"
        ),
        pytest.param({"headers": NONE}, (400, "malformed_body"), id="none"),
        pytest.param(
            {"headers": {"Authorization": "Basic %%%"}},
            (400, "malformed_body"),
            id="odd-basic",
        ),
        pytest.param(
            {"headers": NONE, "data": None, "json": {**GRANT, "client_id": CLIENT}},
            (400, "malformed_body"),
            id="half-a-pair",
        ),
        pytest.param(
            {"headers": NONE, "data": None, "json": [1]},
            (400, "malformed_body"),
            id="no-object",
        ),
        pytest.param(
            {"data": {"grant_type": "password"}},
            (400, "unsupported_grant_type"),
            id="other-grant",
        ),
        pytest.param({"data": b""}, (400, "unsupported_grant_type"), id="no-grant"),
    ],
)
async def test_a_wrong_credential_is_refused(
    given: dict[str, Any], code: tuple[int, str]
) -> None:
    """The gateway must learn to say so without hammering."""
    async with dinie() as partner:
        reply = await partner.mint(**given)

    assert reply.code == code


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        pytest.param({"Authorization": ""}, "missing_token", id="none"),
        pytest.param({"Authorization": "Basic abc"}, "missing_token", id="basic"),
        pytest.param({"Authorization": "Bearer x"}, "invalid_token", id="unknown"),
    ],
)
async def test_a_call_without_a_known_token_is_refused(
    headers: dict[str, str], code: str
) -> None:
    """Each 401 has the code that Dinie documents."""
    async with dinie() as partner:
        reply = await partner.call("GET", "/banks", headers=headers)

    assert reply.code == (401, code)


async def test_a_token_ends_with_its_life() -> None:
    """Renewal can be tested in a blink."""
    async with dinie(token_ttl=30.0) as partner:
        partner.clock.advance(29.0)
        before = await partner.call("GET", "/banks")
        partner.clock.advance(1.0)
        after = await partner.call("GET", "/banks")

    assert before.status == 200
    assert after.code == (401, "token_expired")


@pytest.mark.parametrize(
    ("how", "code"), [("expire", "token_expired"), ("revoke", "invalid_token")]
)
async def test_all_tokens_can_be_ended_on_demand(how: str, code: str) -> None:
    """A rotation at Dinie, without waiting for one."""
    async with dinie() as partner:
        ended = await partner.call("POST", f"/_sim/tokens/{how}")
        reply = await partner.call("GET", "/banks")
        await partner.mint()
        renewed = await partner.call("GET", "/banks")

    assert ended.status == 204
    assert reply.code == (401, code)
    assert renewed.status == 200


@pytest.mark.parametrize(("single", "status"), [(False, 200), (True, 401)])
async def test_an_older_token_ends_only_where_that_is_switched_on(
    single: bool, status: int
) -> None:
    """Nobody knows which of the two Dinie does."""
    async with dinie(single_token=single) as partner:
        older = partner.token
        await partner.mint()
        reply = await partner.call("GET", "/banks", token=older)

    assert reply.status == status


async def test_a_session_code_is_good_for_one_session_token() -> None:
    """The customer's own token, as the biometrics page gets it."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/biometrics"
        code = (await partner.call("POST", path, {})).json["session_url"].split("/")[-1]
        first = await partner.call(
            "POST", "/biometrics/session-exchange", {"code": code}
        )
        again = await partner.call(
            "POST", "/biometrics/session-exchange", {"code": code}
        )

    assert first.json["customer_id"] == customer["id"]
    assert first.json["access_token"].startswith("dinie_st_")
    assert again.code == (403, "forbidden")


async def test_there_is_one_session_at_a_time() -> None:
    """Until its code was used, or is too old to be."""
    async with dinie(token_ttl=1e9) as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/biometrics"
        opened = [await partner.call("POST", path, {}) for _ in range(2)]
        partner.clock.advance(1800.0)
        code = {"code": opened[0].json["session_url"].split("/")[-1]}
        late = await partner.call("POST", "/biometrics/session-exchange", code)
        again = await partner.call("POST", path, {})

    assert opened[0].status == 200
    assert opened[1].code == (409, "session_already_active")
    assert late.code == (403, "forbidden")
    assert again.status == 200


@pytest.mark.parametrize(
    ("fault", "status", "body"),
    [
        pytest.param({"kind": "empty_200"}, 200, b"", id="empty"),
        pytest.param(
            {"kind": "status", "status": 503, "body": "empty"}, 503, b"", id="503"
        ),
        pytest.param({"kind": "malformed_json"}, 200, b'{"access_token":', id="json"),
    ],
)
async def test_the_token_endpoint_fails_like_any_other(
    fault: dict[str, Any], status: int, body: bytes
) -> None:
    """Where a gateway is most easily caught out."""
    async with dinie() as partner:
        partner.simulator.fault(path="/auth/token", **fault)
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        pair = f"client_id={CLIENT}&client_secret={SECRET}"
        form = f"grant_type=client_credentials&{pair}"
        sent = [
            await partner.call("POST", "/auth/token", data=form, headers=headers)
            for _ in range(2)
        ]

    assert (sent[0].status, sent[1].status) == (status, 200)
    assert sent[0].body.startswith(body)
    assert len(sent[0].body) < len(sent[1].body)
