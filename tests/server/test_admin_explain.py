"""`/explain`: the story of a request of a running gateway."""

from typing import Any

import orjson

from tests.inprocess import Stack
from tests.upstreams import DROP, ScriptedUpstream, Step, answer


def of_kind(story: dict[str, Any], what: str) -> list[dict[str, Any]]:
    return [one for one in story["steps"] if one["what"] == what]


async def test_a_request_can_be_asked_about(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """By the id in its answer."""
    upstream.script(Step(answer(503)), DROP, Step(answer(200)))

    said = await stack.ask("GET", "/banks?cpf=12345678909")
    told = await stack.admin(f"/explain/{said.headers['X-Gateway-Request-Id']}")
    story = orjson.loads(told.body)

    assert (said.status, story["status"], story["sends"]) == (200, 200, 3)
    kinds = [one["what"] for one in story["steps"] if one["what"] != "token"]
    once = ["circuit", "permit", "attempt"]
    assert kinds == [*once, "retry", *once, "retry", *once]
    assert all(one["state"] == "closed" for one in of_kind(story, "circuit"))
    assert all("remaining" in one for one in of_kind(story, "permit"))
    outcomes = [one["outcome"] for one in of_kind(story, "attempt")]
    assert outcomes == ["5xx", "dropped", "2xx"]
    assert b"12345678909" not in told.body


async def test_a_refusal_names_the_rule(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """Why there was no fifth attempt."""
    upstream.script(*[Step(answer(503))] * 4)

    said = await stack.ask("GET", "/banks")
    told = await stack.admin(f"/explain/{said.headers['X-Gateway-Request-Id']}")
    last = orjson.loads(told.body)["steps"][-1]

    assert (last["what"], last["because"], last["rule"]) == (
        "no_retry",
        "503",
        "attempts",
    )


async def test_an_unknown_id_is_a_404(stack: Stack) -> None:
    """Too old, or of another gateway."""
    assert (await stack.admin("/explain/nobodys")).status == 404
