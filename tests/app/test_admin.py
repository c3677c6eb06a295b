"""The admin listener of a whole gateway."""

from pathlib import Path

import orjson

from tests.inprocess import Stack, running_stack


async def test_readiness_has_a_condition_for_each_part(stack: Stack) -> None:
    """What is not there is no condition: no inbox, and no certificate."""
    checks = orjson.loads((await stack.admin("/readyz")).body)["checks"]

    assert sorted(checks) == ["draining", "listeners", "secrets", "spill", "token"]


async def test_the_inbox_has_its_routes_where_webhooks_are_received(
    stack: Stack, tmp_path: Path
) -> None:
    """And nowhere else: an empty list would look like an empty inbox."""
    without = await stack.admin("/inbox")
    async with running_stack(
        "http://127.0.0.1:1/v3",
        "listen.webhooks=127.0.0.1:0",
        f"storage.sqlite_path={tmp_path / 'gateway.db'}",
    ) as receiving:
        there = await receiving.admin("/inbox")
        checks = orjson.loads((await receiving.admin("/readyz")).body)["checks"]

    assert without.status == 404
    assert there.status != 404
    assert "inbox" in checks
