"""StatusReport: the gauges and the status page of a running gateway."""

import re
from datetime import UTC, datetime

import orjson
import pytest

from gateway.secrets.env import EnvProvider
from tests.inprocess import EXTRA, Stack, running_stack
from tests.upstreams import ScriptedUpstream, Step, answer

CREATED = 1_700_000_000


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the environment say when the credential was made."""
    monkeypatch.setitem(EXTRA, "DINIE_SECRET_CLIENT_CREATED_AT", str(CREATED))


async def gauge(stack: Stack, name: str) -> float:
    text = (await stack.admin("/metrics")).body.decode()
    found = re.search(rf"^dinie_gateway_{name} (.+)$", text, re.MULTILINE)
    assert found is not None, name
    return float(found[1])


async def test_an_unknown_age_is_0_and_unknown(stack: Stack) -> None:
    """Two alerts stand on the gauges, and must fire for neither."""
    status = orjson.loads((await stack.admin("/status.json")).body)

    assert await gauge(stack, "credential_age_seconds") == 0
    assert await gauge(stack, "credential_expiry_timestamp_seconds") == 0
    assert status["credential"] == {
        "created": None,
        "expires": None,
        "next_rotation": None,
    }


@pytest.mark.usefixtures("made")
async def test_a_known_age_is_shown_with_the_next_rotation(
    upstream: ScriptedUpstream,
) -> None:
    """Ninety days, less the two weeks before."""
    async with running_stack(upstream.base_url) as stack:
        age = await gauge(stack, "credential_age_seconds")
        expiry = await gauge(stack, "credential_expiry_timestamp_seconds")
        status = orjson.loads((await stack.admin("/status.json")).body)

    now = datetime.now(UTC).timestamp()
    assert age == pytest.approx(now - CREATED, abs=60)
    assert expiry == CREATED + 90 * 86_400
    assert status["credential"]["created"] == "2023-11-14T22:13:20Z"
    assert status["credential"]["next_rotation"] == "2024-01-29T22:13:20Z"


async def test_the_page_says_how_it_stands(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """The first look at three in the morning."""
    quota = [("X-RateLimit-Limit", "100"), ("X-RateLimit-Remaining", "7")]
    upstream.default = Step(answer(200, b"{}", [*quota, ("X-RateLimit-Reset", "30")]))
    await stack.ask("GET", "/v3/banks")

    status = orjson.loads((await stack.admin("/status.json")).body)
    page = await stack.admin("/")

    assert (status["ready"], status["circuit"]) == (True, "closed")
    assert status["token"]["state"] == "a token is held"
    assert status["token"]["expires_in_seconds"] > 3000
    assert (status["quota"]["limit"], status["quota"]["remaining"]) == (100, 7)
    assert status["requests"] == {"inside": 0, "with_dinie": 0}
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    text = page.body.decode()
    assert "dinie-gateway: ready" in text
    assert "dinie_c" not in text + str(status)


async def test_the_end_of_a_vault_token_is_shown_where_there_is_one(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An alert stands on it: 0 where nothing ends."""
    none = await gauge(stack, "vault_token_expiry_timestamp_seconds")
    monkeypatch.setattr(EnvProvider, "expires_in", 600.0)

    ends = await gauge(stack, "vault_token_expiry_timestamp_seconds")
    status = orjson.loads((await stack.admin("/status.json")).body)

    assert none == 0
    assert ends == pytest.approx(datetime.now(UTC).timestamp() + 600, abs=60)
    assert status["secrets"]["vault_token_ends"] is not None


async def test_the_page_leads_from_a_failure_to_its_story(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """An operator gets to the explanation without copying an id from a log."""
    upstream.default = Step(answer(500))
    said = await stack.ask("GET", "/v3/banks?cpf=12345678909")
    name = said.headers["X-Gateway-Request-Id"]

    status = orjson.loads((await stack.admin("/status.json")).body)
    page = (await stack.admin("/")).body.decode()

    (failure,) = status["last_failures"]
    assert (failure["request_id"], failure["status"]) == (name, 500)
    assert f"<a href='explain/{name}'>" in page
    assert "12345678909" not in page
    assert (await stack.admin(f"/explain/{name}")).status == 200
