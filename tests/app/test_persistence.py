"""Persistence: one database file, and none where nothing is to be kept."""

import os
from pathlib import Path

import orjson

from tests.inprocess import running_stack
from tests.upstreams import ScriptedUpstream, Step, answer

KEY = {"Idempotency-Key": "order-1", "Content-Type": "application/json"}


def settings(path: Path) -> tuple[str, ...]:
    return ("idempotency.durable=true", f"storage.sqlite_path={path}")


async def test_a_key_belongs_to_its_request_after_a_restart(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Another body is refused; the same one goes to Dinie, who remembers it."""
    where = settings(tmp_path / "gateway.db")
    async with running_stack(upstream.base_url, *where) as stack:
        await stack.ask("POST", "/v3/loans", body=b'{"a":1}', headers=KEY)
    async with running_stack(upstream.base_url, *where) as stack:
        other = await stack.ask("POST", "/v3/loans", body=b'{"a":2}', headers=KEY)
        same = await stack.ask("POST", "/v3/loans", body=b'{"a":1}', headers=KEY)

    assert (other.status, other.slug) == (422, "idempotency-key-reused")
    assert same.status == 200


async def test_a_file_that_cannot_be_written_holds_nothing_up(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """A sidecar without a volume: POSTs go on, and a metric counts."""
    (tmp_path / "file").write_text("")
    where = settings(tmp_path / "file" / "gateway.db")
    upstream.default = Step(answer(201))
    async with running_stack(upstream.base_url, *where) as stack:
        said = await stack.ask("POST", "/v3/loans", body=b"{}", headers=KEY)
        metrics = (await stack.admin("/metrics")).body.decode()
        ready = await stack.admin("/readyz")

    assert (said.status, ready.status) == (201, 200)
    assert "dinie_gateway_ledger_failures_total 0.0" not in metrics


async def test_nothing_is_written_where_nothing_is_to_be_kept(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Neither durable nor webhooks: no file."""
    path = tmp_path / "gateway.db"
    off = ("idempotency.durable=false", f"storage.sqlite_path={path}")
    async with running_stack(upstream.base_url, *off) as stack:
        await stack.ask("POST", "/v3/loans", body=b"{}", headers=KEY)
        status = orjson.loads((await stack.admin("/status.json")).body)

    assert os.listdir(tmp_path) == []  # noqa: PTH208
    assert (status["unknown_outcomes"], status["webhooks"]) == (0, None)
