"""What does the gateway do for a caller? A scripted answer, played against faults."""

import time
from collections.abc import Callable
from typing import Any, Protocol

import orjson
from aiohttp import ClientSession, ClientTimeout

from gateway.app.listeners import Addresses

_BORROWER = {
    "cpf": "123.456.789-09",
    "cnpj": "12.345.678/0001-95",
    "email": "ana@example.com",
    "phone": "+5511999999999",
    "name": "Ana Exemplo",
    "external_id": "tour-1",
}
_CREATED = 201
_SENDS = 5  # the first, a replay after the 401, and one after each other fault


class Box(Protocol):
    """The simulator, as far as the tour looks into it."""

    def fault(self, **fault: Any) -> None:
        """Plan a fault."""

    def count(self, kind: str) -> int:
        """Return how many of a kind exist."""

    @property
    def effects(self) -> Any:
        """Return executed side effects by idempotency key."""


async def tour(running: Addresses, box: Box, *, echo: Callable[[str], object]) -> bool:
    """Create one borrower through four faults; return whether there is just one.

    Args:
        running: The gateway.
        box: The simulator behind it.
        echo: Prints a line.
    """
    faults = (
        ({"kind": "token_expired"}, "the token has expired: 401 token_expired"),
        (
            {"kind": "status", "status": 429, "headers": {"Retry-After": "1"}},
            "too many requests: 429, Retry-After 1 s",
        ),
        ({"kind": "status", "status": 500}, "an internal error: 500"),
        ({"kind": "reset_after"}, "the borrower is created, but the answer is lost"),
    )
    echo(
        "A service asks for a borrower with one plain POST: no token, no key, no retry."
    )
    echo("On the way Dinie will say:")
    for fault, meaning in faults:
        box.fault(method="POST", path="/customers", **fault)
        echo(f"  - {meaning}")
    began = time.monotonic()  # noqa: TID251 - a command, no room
    status, headers, body = await _create(running)
    took = time.monotonic() - began  # noqa: TID251
    key = headers.get("Idempotency-Key", "")
    echo("")
    echo(f"The service saw one answer: {status} after {took:.1f} s, {body.get('id')}")
    echo(f"  X-Gateway-Attempts: {headers.get('X-Gateway-Attempts')}")
    echo(f"  Idempotency-Key:    {key} (minted, the same on each attempt)")
    echo(f"  Server-Timing:      {headers.get('Server-Timing')}")
    customers, effects = box.count("customers"), dict(box.effects).get(key, 0)
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
        ) as answer,
    ):
        body = orjson.loads(await answer.read())
        return answer.status, dict(answer.headers), body
