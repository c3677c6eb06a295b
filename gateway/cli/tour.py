"""Shows what the gateway does for a caller: one POST through four scripted faults."""

import time
from collections.abc import Callable
from typing import Any, Final

import orjson
from aiohttp import ClientSession, ClientTimeout

from gateway.app.listeners import Addresses
from gateway.simulator.server import Simulator

_BORROWER = {
    "cpf": "123.456.789-09",
    "cnpj": "12.345.678/0001-95",
    "email": "ana@example.com",
    "phone": "+5511999999999",
    "name": "Ana Exemplo",
    "external_id": "tour-1",
}
_FAULTS: Final = (
    ({"kind": "token_expired"}, "the token has expired: 401 token_expired"),
    (
        {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
        "too many requests: 429, Retry-After 1 s",
    ),
    ({"kind": "status", "status": 500}, "an internal error: 500"),
    ({"kind": "reset_after"}, "the borrower is created, but the response is lost"),
)
_CREATED = 201
_SENDS = 5  # the first, a replay after the 401, and one after each other fault


async def tour(
    running: Addresses, simulator: Simulator, *, echo: Callable[[str], object]
) -> bool:
    """Create one borrower through four faults; return whether exactly one exists.

    Args:
        running: Where the gateway listens.
        simulator: What stands in for Dinie.
        echo: Prints a line.
    """
    echo(
        "A service asks for a borrower with one plain POST: no token, no key, no retry."
    )
    echo("On the way Dinie will respond:")
    for fault, meaning in _FAULTS:
        simulator.fault(method="POST", path="/customers", **fault)
        echo(f"  - {meaning}")
    began = time.monotonic()  # noqa: TID251 - a command, not a room
    status, headers, body = await _create(running)
    took = time.monotonic() - began  # noqa: TID251
    key = headers.get("Idempotency-Key", "")
    echo("")
    echo(f"The service got one response: {status} after {took:.1f} s, {body.get('id')}")
    echo(f"  X-Gateway-Attempts: {headers.get('X-Gateway-Attempts')}")
    echo(f"  Idempotency-Key:    {key} (generated, the same on each attempt)")
    echo(f"  Server-Timing:      {headers.get('Server-Timing')}")
    customers = simulator.count("customers")
    effects = dict(simulator.effects).get(key, 0)
    echo(f"Customers at Dinie: {customers}; side effects of the key: {effects}.")
    good = (
        status == _CREATED
        and headers.get("X-Gateway-Attempts") == str(_SENDS)
        and (customers, effects) == (1, 1)
    )
    echo(
        "One call, one customer." if good else "That is not what should have happened."
    )
    return good


async def _create(running: Addresses) -> tuple[int, dict[str, str], dict[str, Any]]:
    async with (
        ClientSession(timeout=ClientTimeout(total=18)) as session,
        session.post(
            f"http://{running.proxy}/v3/customers",
            data=orjson.dumps(_BORROWER),
            headers={"Content-Type": "application/json"},
        ) as response,
    ):
        body = orjson.loads(await response.read())
        return response.status, dict(response.headers), body
