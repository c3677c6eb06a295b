"""Keys that are in flight while callers get keys of their own, in a real ledger."""

import json
from pathlib import Path

import pytest

from tests.inprocess import EXTRA, running_stack
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

TOKENS = {name: f"gw_{name}_{'x' * 40}" for name in ("billing", "crm")}
CALLERS = [{"name": name, "token": f"{name}_token"} for name in TOKENS]
KEY = {"Idempotency-Key": "order-1", "Content-Type": "application/json"}


def as_(caller: str) -> dict[str, str]:
    return {**KEY, "Authorization": f"Bearer {TOKENS[caller]}"}


async def test_a_lost_loan_is_repeated_under_the_key_of_before_the_upgrade(
    upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dinie knows it under that key only: under another it would lend twice."""
    for name, token in TOKENS.items():
        monkeypatch.setitem(EXTRA, f"DINIE_SECRET_{name.upper()}_TOKEN", token)
    kept = "idempotency.durable=true", f"storage.sqlite_path={tmp_path / 'gateway.db'}"
    after = f"identity.callers={json.dumps(CALLERS)}"
    upstream.script(*[DROP] * 4)
    upstream.default = Step(answer(201, b"{}"))

    async with running_stack(upstream.base_url, *kept) as old:
        lost = await old.ask("POST", "/v3/loans", body=b"{}", headers=KEY)
    async with running_stack(upstream.base_url, *kept, after) as new:
        other = await new.ask("POST", "/v3/loans", body=b"[]", headers=as_("crm"))
        again = await new.ask("POST", "/v3/loans", body=b"{}", headers=as_("billing"))
        fresh = {**as_("crm"), "Idempotency-Key": "order-2"}
        own = await new.ask("POST", "/v3/loans", body=b"{}", headers=fresh)

    assert lost.status == 504
    assert (other.status, other.slug) == (422, "idempotency-key-reused")
    assert (again.status, own.status) == (201, 201)
    keys = [one.all("Idempotency-Key") for one in upstream.requests]
    assert keys == [["order-1"]] * 5 + [["crm:order-2"]]


async def test_a_scope_of_the_whole_gateway_can_be_kept(
    upstream: ScriptedUpstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For a day, where no ledger knows the keys of before."""
    for name, token in TOKENS.items():
        monkeypatch.setitem(EXTRA, f"DINIE_SECRET_{name.upper()}_TOKEN", token)
    settings = f"identity.callers={json.dumps(CALLERS)}", "idempotency.scope=gateway"

    async with running_stack(upstream.base_url, *settings) as stack:
        await stack.ask("POST", "/v3/loans", body=b"{}", headers=as_("crm"))

    assert [one.all("Idempotency-Key") for one in upstream.requests] == [["order-1"]]
