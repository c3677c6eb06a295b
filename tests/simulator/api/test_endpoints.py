"""Webhook endpoints at the simulated Dinie."""

import base64
from typing import Any

import pytest

from tests.simulator.partner import dinie
from tests.simulator.receiver import SECRET, posting


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


async def test_a_webhook_secret_is_a_key_of_32_bytes() -> None:
    """Verifiers decode what follows the prefix."""
    async with dinie() as partner:
        content = {"url": "https://shop.example/hook"}
        made = (await partner.call("POST", "/webhooks/endpoints", content)).json

    text = made["secret"].removeprefix("whsec_")
    assert len(base64.b64decode(text, validate=True)) == 32


@pytest.mark.parametrize(
    ("below", "content"),
    [
        pytest.param("", {"url": "http://shop.example/hook"}, id="url"),
        pytest.param("", {"status": "asleep"}, id="status"),
        pytest.param("", {"events": "loan.*"}, id="events"),
        pytest.param("/rotate-secret", {"expire_current_in": 86_401}, id="too-long"),
        pytest.param("/rotate-secret", {"expire_current_in": "1"}, id="no-number"),
    ],
)
async def test_a_change_that_makes_no_sense_is_refused(
    below: str, content: dict[str, Any]
) -> None:
    """An endpoint that is half right receives nothing."""
    async with dinie() as partner:
        url = {"url": "https://shop.example/hook"}
        made = (await partner.call("POST", "/webhooks/endpoints", url)).json
        method = "POST" if below else "PATCH"
        path = f"/webhooks/endpoints/{made['id']}{below}"
        reply = await partner.call(method, path, content)

    assert reply.code == (422, "invalid_format")


@pytest.mark.parametrize("secret", [None, SECRET])
async def test_the_secret_of_the_first_endpoint_can_be_asked_for(
    secret: str | None,
) -> None:
    """Made up where none is given."""
    async with posting(profile="sdk", webhook_secret=secret) as post:
        made = post.simulator.webhook_secret
        await post.emit("loan.finished", id="ln_1", status="finished")

    assert made is not None
    assert post.received[0].extracted(made).data.id == "ln_1"
