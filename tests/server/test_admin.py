"""The admin listener: what operators, probes and Prometheus get to see."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.core.origin import admin_rule
from gateway.server.admin import build_admin
from gateway.server.health import Check, Health
from tests.fakes import FakeClock


class Scene:
    """A gateway's insides, as the admin listener sees them."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.health = Health(self.clock)
        self.token = Check(ok=True, reason="good until noon")
        self.health.add("token", lambda: self.token)
        self.reloads = 0
        self.fault: Exception | None = None

    def metrics(self) -> bytes:
        if self.fault is not None:
            raise self.fault
        return b"dinie_gateway_in_flight 0.0\n"

    async def reload(self) -> Mapping[str, Any]:
        await asyncio.sleep(0)
        self.reloads += 1
        return {"secrets": "changed"}


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.fixture
async def client(scene: Scene) -> AsyncIterator["TestClient[Any, Any]"]:
    application = build_admin(
        scene.health,
        metrics=scene.metrics,
        reload=scene.reload,
        status=lambda: {"environment": "<b>", "ready": False},
        origin=admin_rule("127.0.0.1", ["gateway.test"]),
    )
    async with TestClient(TestServer(application)) as client:
        yield client


async def test_a_living_gateway_says_so(client: "TestClient[Any, Any]") -> None:
    """A probe has one question, and one response."""
    async with client.get("/livez") as response:
        found = (response.status, await response.json())

    assert found == (200, {"alive": True})


async def test_a_stuck_gateway_says_so(
    client: "TestClient[Any, Any]", scene: Scene
) -> None:
    """A restart helps only then."""
    scene.clock.advance(10.0)

    async with client.get("/livez") as response:
        found = (response.status, await response.json())

    assert found == (503, {"alive": False})


async def test_a_ready_gateway_gives_its_reasons(
    client: "TestClient[Any, Any]",
) -> None:
    """And caches keep nothing of it."""
    async with client.get("/readyz") as response:
        found = (response.status, await response.json())
        headers = response.headers

    checks = {
        "token": {"ok": True, "reason": "good until noon"},
        "draining": {"ok": True, "reason": "not stopping"},
    }
    assert found == (200, {"ready": True, "checks": checks})
    assert headers["Cache-Control"] == "no-store"


async def test_an_unready_gateway_names_the_check_that_fails(
    client: "TestClient[Any, Any]", scene: Scene
) -> None:
    """The operator knows where to look."""
    scene.token = Check(ok=False, reason="Vault is sealed")

    async with client.get("/readyz") as response:
        status, body = response.status, await response.json()

    assert (status, body["ready"]) == (503, False)
    assert body["checks"]["token"] == {"ok": False, "reason": "Vault is sealed"}


async def test_a_draining_gateway_is_not_ready_but_alive(
    client: "TestClient[Any, Any]", scene: Scene
) -> None:
    """It finishes what it took, and is sent nothing new."""
    scene.health.draining = True

    async with client.get("/readyz") as ready, client.get("/livez") as live:
        found = (ready.status, live.status)

    assert found == (503, 200)


async def test_metrics_have_prometheus_s_type(client: "TestClient[Any, Any]") -> None:
    """A scraper refuses a text of unknown type."""
    async with client.get("/metrics") as response:
        body = await response.read()
        kind = response.headers["Content-Type"]

    assert body == b"dinie_gateway_in_flight 0.0\n"
    assert kind == "text/plain; version=0.0.4; charset=utf-8"


async def test_a_reload_says_what_changed(
    client: "TestClient[Any, Any]", scene: Scene
) -> None:
    """An operator who rotates a secret sees that it arrived."""
    async with client.post("/reload") as response:
        found = (response.status, await response.json())

    assert found == (200, {"secrets": "changed"})
    assert scene.reloads == 1


@pytest.mark.parametrize(
    ("method", "path", "status", "title"),
    [
        pytest.param("GET", "/unknown", 404, "Not Found", id="unknown"),
        pytest.param("GET", "/reload", 405, "Method Not Allowed", id="get-reload"),
        pytest.param("POST", "/metrics", 405, "Method Not Allowed", id="post-metrics"),
    ],
)
async def test_a_refusal_is_a_problem(
    client: "TestClient[Any, Any]", method: str, path: str, status: int, title: str
) -> None:
    """Errors have one shape on every port; a GET changes nothing."""
    async with client.request(method, path) as response:
        body = await response.json(content_type=None)
        kind = response.headers["Content-Type"]

    assert body == {"type": "about:blank", "title": title, "status": status}
    assert (response.status, kind) == (status, "application/problem+json")


async def test_a_fault_of_ours_reveals_nothing(
    client: "TestClient[Any, Any]", scene: Scene
) -> None:
    """A traceback would reveal internals."""
    scene.fault = ValueError("s3cret")

    async with client.get("/metrics") as response:
        body = await response.text()

    assert response.status == 500
    assert "s3cret" not in body


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/metrics", "/unknown"])
async def test_no_answer_names_the_server_s_software(
    client: "TestClient[Any, Any]", path: str
) -> None:
    """A version would show which advisories to try."""
    async with client.get(path) as response:
        assert "Server" not in response.headers


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", "/reload", "POST"), ("POST", "/livez", "GET,HEAD")],
)
async def test_a_wrong_method_is_told_the_right_one(
    client: "TestClient[Any, Any]", method: str, path: str, allowed: str
) -> None:
    """RFC 9110 asks for it, and it saves a look into the manual."""
    async with client.request(method, path) as response:
        found = (response.status, response.headers["Allow"])

    assert found == (405, allowed)


async def test_the_status_is_a_page_and_json(client: "TestClient[Any, Any]") -> None:
    """One for people, one for their scripts."""
    async with client.get("/") as page, client.get("/status.json") as status:
        text = await page.text()
        found = await status.json()

    assert found == {"environment": "<b>", "ready": False}
    assert "&lt;b&gt;" in text
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({"Host": "evil.example"}, id="rebound-name"),
        pytest.param({"Origin": "https://evil.example"}, id="foreign-page"),
        pytest.param({"Origin": "http://127.0.0.1:8081"}, id="own-page"),
        pytest.param({"Origin": "null"}, id="sandboxed-page"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
    ],
)
async def test_no_web_page_reloads_the_secrets(
    client: "TestClient[Any, Any]", scene: Scene, headers: dict[str, str]
) -> None:
    """Any page in a browser on this host can post to its ports."""
    async with client.post("/reload", headers=headers) as response:
        body = await response.json(content_type=None)
        found = (response.status, response.headers["X-Gateway-Error"], body["type"])

    assert found == (
        403,
        "origin-forbidden",
        "urn:dinie-gateway:problem:origin-forbidden",
    )
    assert scene.reloads == 0


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param({}, id="curl"),
        pytest.param({"Host": "localhost:8081"}, id="localhost"),
        pytest.param({"Host": "gateway.test"}, id="named"),
        pytest.param({"Sec-Fetch-Site": "none"}, id="typed"),
        pytest.param({"Sec-Fetch-Site": "same-origin"}, id="refreshed"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, id="linked-from-another-port"),
    ],
)
async def test_the_status_page_opens_in_a_browser(
    client: "TestClient[Any, Any]", headers: dict[str, str]
) -> None:
    """It refreshes itself every ten seconds, which is same-origin."""
    async with client.get("/", headers=headers) as response:
        assert response.status == 200
