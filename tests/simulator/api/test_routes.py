"""The simulated catalogue: lists, and what there is not."""

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
        pytest.param("GET", "/biometrics/x", (404, "not_found"), id="bio"),
        pytest.param("GET", "/customers/", (404, "not_found"), id="slash"),
        pytest.param("GET", "//customers", (404, "not_found"), id="two-slashes"),
        pytest.param("GET", "/customers/c/x", (404, "not_found"), id="below"),
        pytest.param("DELETE", "/customers/c", (405, "method_not_allowed"), id="del"),
        pytest.param("GET", "/auth/token", (405, "method_not_allowed"), id="token"),
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


@pytest.mark.parametrize(
    ("query", "order"),
    [
        pytest.param("sort=created_at", [0, 1, 2], id="created"),
        pytest.param("sort=created_at&order=desc", [2, 1, 0], id="created-down"),
        pytest.param("sort=updated_at", [1, 2, 0], id="updated"),
        pytest.param("order=desc", [2, 1, 0], id="down"),
        pytest.param("sort=name&limit=1", [2], id="name"),
    ],
)
async def test_a_list_is_sorted_as_asked(query: str, order: list[int]) -> None:
    """A report reads the newest first."""
    async with dinie(token_ttl=1e9) as partner:
        made = []
        for number, name in enumerate(("Carla", "Bruna", "Ana")):
            partner.clock.advance(10.0)
            one = await partner.customer(cpf=str(number), name=name)
            made.append(one["id"])
        partner.clock.advance(10.0)
        await partner.call("PATCH", f"/customers/{made[0]}", {"phone": "1"})
        listed = (await partner.call("GET", f"/customers?{query}")).json["data"]

    assert [made.index(one["id"]) for one in listed] == order


@pytest.mark.parametrize(
    ("query", "code"),
    [("sort=size", "invalid_sort"), ("order=up", "invalid_order")],
)
async def test_an_order_that_is_none_is_refused(query: str, code: str) -> None:
    """Silence would be taken for a response."""
    async with dinie() as partner:
        reply = await partner.call("GET", f"/customers?{query}")

    assert reply.code == (400, code)


async def test_a_405_names_what_is_allowed() -> None:
    """As RFC 9110 section 15.5.6 has it."""
    async with dinie() as partner:
        reply = await partner.call("PUT", "/customers")

    assert reply.headers["Allow"] == "GET, POST"
