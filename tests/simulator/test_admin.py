"""`/_sim`: looking into the simulator and breaking it."""

from typing import Any

import pytest

from tests.simulator.partner import BORROWER, dinie, until
from tests.simulator.receiver import posting


async def test_the_state_counts_what_exists() -> None:
    """Assertions from another process have one place to look."""
    async with dinie() as partner:
        await partner.call("POST", "/customers", BORROWER, key="k")
        state = (await partner.call("GET", "/_sim/state")).json

    assert state["counts"]["customers"] == 1
    assert (state["effects"], state["tokens_minted"]) == ({"k": 1}, 1)
    assert state["profile"] == "docs"


async def test_faults_are_planned_and_cleared() -> None:
    """One at a time, or a list."""
    async with dinie() as partner:
        fault = {"kind": "status", "status": 503, "times": None}
        planned = await partner.call("POST", "/_sim/faults", [fault, fault])
        broken = await partner.call("GET", "/banks")
        await partner.call("DELETE", "/_sim/faults")
        whole = await partner.call("GET", "/banks")

    assert (planned.status, broken.status, whole.status) == (204, 503, 200)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        pytest.param("faults", b"{", id="no-json"),
        pytest.param("faults", b'{"kind":"explosion"}', id="unknown-fault"),
        pytest.param("faults", b"{}", id="no-kind"),
        pytest.param("faults", b"[1]", id="no-object"),
        pytest.param("step", b"{}", id="no-id"),
        pytest.param("step", b"[]", id="no-step"),
        pytest.param("faults", b'{"kind":"hang","seconds":"x"}', id="no-number"),
    ],
)
async def test_a_slip_is_a_400_that_says_so(path: str, body: bytes) -> None:
    """Nobody reads a traceback to find a missing comma."""
    async with dinie() as partner:
        reply = await partner.call("POST", f"/_sim/{path}", data=body)

    assert reply.status == 400


async def test_a_step_of_nobody_is_not_found() -> None:
    """An id with a typing error is told."""
    async with dinie() as partner:
        reply = await partner.call("POST", "/_sim/step", {"id": "cust_x"})

    assert reply.code == (404, "not_found")


async def test_the_journal_holds_what_arrived_and_can_be_emptied() -> None:
    """What the gateway really sent, attempt by attempt."""
    async with dinie() as partner:
        await partner.call("POST", "/customers?a=b", BORROWER, key="k")
        dump = (await partner.call("GET", "/_sim/journal")).json
        await partner.call("DELETE", "/_sim/journal")
        emptied = (await partner.call("GET", "/_sim/journal")).json["entries"]

    entry = dump["entries"][-1]
    assert (entry["method"], entry["target"]) == ("POST", "/v3/customers?a=b")
    assert (entry["status"], entry["executed"], entry["fault"]) == (201, True, None)
    assert (entry["seq"], entry["idempotency_key"]) == (2, "k")
    assert emptied == []


@pytest.mark.parametrize(
    ("profile", "to", "status"),
    [
        pytest.param("sdk", "denied", 200, id="denied"),
        pytest.param("docs", "denied", 422, id="not-in-this-generation"),
        pytest.param("sdk", "signed", 422, id="not-of-a-customer"),
    ],
)
async def test_a_step_may_name_where_to(profile: str, to: str, status: int) -> None:
    """Refusals are part of the life that services must handle."""
    async with dinie(profile=profile) as partner:
        customer = await partner.customer()
        step = {"id": customer["id"], "to": to}
        reply = await partner.call("POST", "/_sim/step", step)

    assert reply.status == status


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/_sim/nothing"), ("POST", "/_sim/journal")]
)
async def test_a_route_that_the_admin_does_not_have_is_a_404(
    method: str, path: str
) -> None:
    """And never counts as a request to Dinie."""
    async with dinie() as partner:
        before = len(partner.simulator.journal)
        reply = await partner.call(method, path)

    assert reply.code == (404, "not_found")
    assert len(partner.simulator.journal) == before


async def test_the_admin_emits_by_hand_and_shows_the_journal() -> None:
    """For those in another process."""
    async with posting() as post:
        content = {"type": "loan.active", "data": {"id": "ln_1"}, "count": 3}
        emitted = await post.partner.call("POST", "/_sim/webhooks/emit", content)
        await until(lambda: post.simulator.webhooks.under_way == 0)
        journal = (await post.partner.call("GET", "/_sim/webhooks/journal")).json
        await post.partner.call("DELETE", "/_sim/webhooks/journal")
        emptied = (await post.partner.call("GET", "/_sim/webhooks/journal")).json

    ids = emitted.json["ids"]
    assert [one["webhook_id"] for one in journal["deliveries"]] == ids
    assert {one["acknowledged"] for one in journal["deliveries"]} == {True}
    assert post.simulator.webhooks.acknowledged() == set()
    assert emptied == {"deliveries": [], "under_way": 0}
    assert [one.json["data"] for one in post.received] == [{"id": "ln_1"}] * 3


@pytest.mark.parametrize(
    "content",
    [
        pytest.param({}, id="no-type"),
        pytest.param({"type": 1}, id="no-text"),
        pytest.param({"type": "a", "data": []}, id="no-object"),
        pytest.param({"type": "a", "count": "x"}, id="no-number"),
        pytest.param({"type": "a", "count": 10**9}, id="too-many"),
    ],
)
async def test_an_event_that_makes_no_sense_is_refused(content: Any) -> None:
    """Nothing of it is sent."""
    async with posting() as post:
        reply = await post.partner.call("POST", "/_sim/webhooks/emit", content)

    assert (reply.status, post.simulator.webhooks.journal) == (400, [])


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Origin": "https://evil.example"}, id="page"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
        pytest.param({"Host": "evil.example"}, id="rebound-name"),
    ],
)
async def test_no_web_page_breaks_the_simulator(headers: dict[str, str]) -> None:
    """It would have webhooks sent to wherever it likes."""
    async with dinie() as partner:
        reply = await partner.call("POST", "/_sim/reset", headers=headers)

    assert reply.status == 403
