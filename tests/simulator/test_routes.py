"""The simulated catalogue: lists, credentials, webhook endpoints, refusals."""

from typing import Any

import pytest

from tests.simulator.partner import dinie


async def test_a_list_comes_in_pages() -> None:
    """A client that forgets `has_more` is found out."""
    async with dinie() as partner:
        made = [(await partner.customer(cpf=str(n)))["id"] for n in range(5)]
        first = (await partner.call("GET", "/customers?limit=2")).json
        path = f"/customers?limit=3&starting_after={made[1]}"
        last = (await partner.call("GET", path)).json
        beyond = (await partner.call("GET", "/customers?starting_after=cust_x")).json

    assert [c["id"] for c in first["data"]] == made[:2]
    assert [c["id"] for c in last["data"]] == made[2:]
    assert (first["has_more"], last["has_more"]) == (True, False)
    assert beyond == {"data": [], "has_more": False}


@pytest.mark.parametrize("limit", ["0", "101", "many", "-1"])
async def test_a_limit_out_of_bounds_is_refused(limit: str) -> None:
    """As Dinie documents it: 1 to 100."""
    async with dinie() as partner:
        reply = await partner.call("GET", f"/customers?limit={limit}")

    assert reply.code == (400, "invalid_limit")


async def test_a_list_is_filtered_by_its_query() -> None:
    """Support looks a borrower up by CPF."""
    async with dinie() as partner:
        await partner.customer(cpf="1")
        await partner.customer(cpf="2")
        found = (await partner.call("GET", "/customers?cpf=2")).json["data"]

    assert [customer["cpf"] for customer in found] == ["2"]


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        pytest.param("GET", "/nothing", (404, "not_found"), id="route"),
        pytest.param("GET", "/customers/cust_x", (404, "not_found"), id="record"),
        pytest.param("DELETE", "/banks", (405, "method_not_allowed"), id="method"),
        pytest.param("PUT", "/loans", (405, "method_not_allowed"), id="loans"),
        pytest.param("GET", "/biometrics/x", (405, "method_not_allowed"), id="bio"),
        pytest.param("PATCH", "/credit-offers", (405, "method_not_allowed"), id="co"),
        pytest.param("DELETE", "/customers", (405, "method_not_allowed"), id="cust"),
    ],
)
async def test_what_dinie_does_not_have_is_refused(
    method: str, path: str, code: tuple[int, str]
) -> None:
    """A gateway that mangles a path is found out."""
    async with dinie() as partner:
        reply = await partner.call(method, path)

    assert reply.code == code


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        pytest.param(b"{", "application/json", "malformed_body", id="cut"),
        pytest.param(b"[1]", "application/json", "malformed_body", id="no-object"),
        pytest.param(b"a=b", "text/plain", "invalid_content_type", id="no-json"),
    ],
)
async def test_a_body_that_is_no_json_object_is_refused(
    body: bytes, kind: str, code: str
) -> None:
    """A gateway that drops Content-Type is found out."""
    async with dinie() as partner:
        headers = {"Content-Type": kind}
        reply = await partner.call("POST", "/customers", data=body, headers=headers)

    assert reply.code == (400, code)


async def test_a_revoked_credential_ends_but_its_tokens_go_on() -> None:
    """The overlap that a rotation relies on."""
    async with dinie() as partner:
        old, token = partner.simulator.options.client_id, partner.token
        made = (await partner.call("POST", "/auth/credentials", {"name": "new"})).json
        listed = (await partner.call("GET", "/auth/credentials")).json["data"]
        revoked = await partner.call("DELETE", f"/auth/credentials/{old}")
        again = await partner.mint()
        used = await partner.call("GET", "/banks", token=token)
        pair = {name: made[name] for name in ("client_id", "client_secret")}
        minted = await partner.mint(headers={}, data=None, json=pair)

    assert [one["status"] for one in listed] == ["active", "active"]
    assert all("client_secret" not in one for one in listed)
    assert (revoked.status, used.status, minted.status) == (204, 200, 200)
    assert again.code == (401, "invalid_client")


@pytest.mark.parametrize(
    ("identifier", "code"),
    [
        pytest.param("dinie_ci_test_simulator", (409, "last_credential"), id="last"),
        pytest.param("nobody", (404, "not_found"), id="unknown"),
    ],
)
async def test_a_revocation_can_be_refused(
    identifier: str, code: tuple[int, str]
) -> None:
    """Nobody locks itself out."""
    async with dinie() as partner:
        reply = await partner.call("DELETE", f"/auth/credentials/{identifier}")

    assert reply.code == code


async def test_a_webhook_endpoint_lives() -> None:
    """Made, read, changed, deleted; its secret is shown once."""
    async with dinie() as partner:
        content = {"url": "https://shop.example/hook"}
        made = (await partner.call("POST", "/webhooks/endpoints", content)).json
        path = f"/webhooks/endpoints/{made['id']}"
        read = (await partner.call("GET", path)).json
        change = {"status": "disabled", "id": "other"}
        changed = (await partner.call("PATCH", path, change)).json
        listed = (await partner.call("GET", "/webhooks/endpoints")).json["data"]
        deleted = await partner.call("DELETE", path)
        gone = await partner.call("GET", path)

    assert made["secret"].startswith("whsec_")
    assert (made["events"], "secret" in read) == (["*"], False)
    assert (changed["status"], changed["id"]) == ("disabled", made["id"])
    assert listed == [changed]
    assert (deleted.status, gone.status) == (204, 404)


async def test_a_webhook_endpoint_is_https() -> None:
    """Borrowers' data do not travel in the clear."""
    async with dinie() as partner:
        content = {"url": "http://shop.example/hook"}
        reply = await partner.call("POST", "/webhooks/endpoints", content)

    assert reply.code == (422, "invalid_format")


@pytest.mark.parametrize("path", ["secret/rotate", "rotate-secret"])
@pytest.mark.parametrize(
    ("content", "ends"),
    [
        pytest.param({}, "2026-09-21T15:13:20Z", id="an-hour"),
        pytest.param({"expire_current_in": 60}, "2026-09-21T14:14:20Z", id="a-minute"),
    ],
)
async def test_a_webhook_secret_is_rotated_on_both_paths(
    path: str, content: dict[str, Any], ends: str
) -> None:
    """Documentation and SDKs name different ones."""
    async with dinie() as partner:
        url = {"url": "https://shop.example/hook"}
        made = (await partner.call("POST", "/webhooks/endpoints", url)).json
        rotate = f"/webhooks/endpoints/{made['id']}/{path}"
        rotated = (await partner.call("POST", rotate, content)).json

    assert rotated["previous_secret_expires_at"] == ends
    assert rotated["secret"].startswith("whsec_")
    assert rotated["secret"] != made["secret"]
