"""A token that named its caller, shown to the gateway after it was started again."""

from pathlib import Path

import orjson

from tests.inprocess import Stack, running_stack
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

NAMED = {"Content-Type": "application/json", "X-Gateway-Caller": "billing"}
GRANT = b'{"grant_type":"client_credentials","client_id":"a","client_secret":"b"}'


async def signed_in(stack: Stack) -> dict[str, str]:
    """Return the headers of a caller that says its name with the token call only."""
    said = await stack.ask("POST", "/v3/auth/token", body=GRANT, headers=NAMED)
    token = orjson.loads(said.body)["access_token"]
    return {"Authorization": f"Bearer {token}", "Idempotency-Key": "order-1"}


async def test_a_lost_loan_is_repeated_under_the_name_that_it_had(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """As a stranger's its key would be another one at Dinie, and a second loan."""
    settings = (
        'identity.callers=[{"name":"billing"},{"name":"crm"}]',
        "idempotency.scope=caller",
        "idempotency.durable=true",
        f"storage.sqlite_path={tmp_path / 'gateway.db'}",
    )
    upstream.script(*[DROP] * 4)
    upstream.default = Step(answer(201, b"{}"))

    async with running_stack(upstream.base_url, *settings) as stack:
        headers = await signed_in(stack)
        lost = await stack.ask("POST", "/v3/loans", body=b"{}", headers=headers)
    async with running_stack(upstream.base_url, *settings) as stack:
        early = await stack.ask("POST", "/v3/loans", body=b"{}", headers=headers)
        headers = await signed_in(stack)
        again = await stack.ask("POST", "/v3/loans", body=b"{}", headers=headers)

    assert (lost.status, early.slug, again.status) == (504, "caller-unknown", 201)
    keys = {one.all("Idempotency-Key")[0] for one in upstream.requests}
    assert keys == {"billing:order-1"}
