"""Lists the operations of the simulated Dinie by path and method."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from gateway.simulator.api import customers, endpoints, kyc, lending
from gateway.simulator.api.credentials import Credentials
from gateway.simulator.api.tokens import Tokens
from gateway.simulator.response import Refusal, Reply, ok
from gateway.simulator.world import Record, World

_FILTERS = ("status", "cpf", "external_id", "customer_id")
_SORTS = ("created_at", "updated_at", "name")


@dataclass(slots=True)
class Call:
    """One authorised request."""

    query: str = ""
    content: dict[str, Any] = field(default_factory=dict)  # of a JSON body
    parts: dict[str, Any] = field(default_factory=dict)  # of an upload
    customer_id: str | None = None  # of a session token


# The second argument is the path's `{id}`; empty where the path has none.
Operation = Callable[[Call, str], Reply]
Table = dict[str, dict[str, Operation]]  # by path, then by method


class Routes:
    """The endpoint catalogue."""

    def __init__(self, world: World, tokens: Tokens, credentials: Credentials) -> None:
        """Bind the operations to what they work on.

        Args:
            world: The records.
            tokens: Access and session tokens.
            credentials: The partner's API keys.
        """
        self._world = world
        self._tokens = tokens
        self._credentials = credentials
        self.table: Table = {
            **self._auth(),
            **self._customers(),
            **self._uploads(),
            **self._offers(),
            **self._loans(),
            **self._webhooks(),
        }

    def _auth(self) -> Table:
        tokens, known = self._tokens, self._credentials
        return {
            "/auth/credentials": {
                "GET": lambda call, _: _page(call, known.all()),
                "POST": lambda call, _: known.create(call.content),
            },
            "/auth/credentials/{id}": {"DELETE": lambda _, name: known.revoke(name)},
            "/biometrics/session-exchange": {
                "POST": lambda call, _: tokens.exchange(call.content)
            },
        }

    def _customers(self) -> Table:
        world = self._world
        return {
            "/banks": {"GET": lambda _, __: customers.banks()},
            "/customers": {
                "GET": lambda call, _: _page(
                    call, [customers.settle(world, c) for c in world.all("customers")]
                ),
                "POST": lambda call, _: customers.create(world, call.content),
            },
            "/customers/{id}": {
                "GET": lambda _, name: ok(self._customer(name)),
                "PATCH": lambda call, name: customers.update(
                    world, self._customer(name), call.content
                ),
            },
            "/customers/{id}/bank-account": {
                "GET": lambda _, name: ok(
                    world.find("accounts", self._customer(name)["id"])
                ),
                "POST": lambda call, name: customers.put_account(
                    world, self._customer(name), call.content
                ),
            },
            "/customers/{id}/biometrics": {"POST": self._session},
            "/customers/{id}/credit-offers": {"GET": self._customer_offers},
        }

    def _uploads(self) -> Table:
        world = self._world

        def upload(call: Call, name: str) -> Reply:
            return kyc.upload(world, self._customer(name), call.parts)

        def selfie(call: Call, name: str) -> Reply:
            if call.customer_id != self._customer(name)["id"]:
                raise Refusal(403, "forbidden", "needs the customer's session")
            return upload(call, name)

        return {
            "/customers/{id}/documents": {"POST": upload},
            "/customers/{id}/kyc-attachments": {"POST": upload},
            "/customers/{id}/kyc-attachments/selfie": {"POST": selfie},
            "/customers/{id}/kyc-review": {
                "POST": lambda _, name: kyc.review(world, self._customer(name))
            },
        }

    def _offers(self) -> Table:
        world = self._world
        return {
            "/credit-offers": {"GET": lambda call, _: _page(call, world.all("offers"))},
            "/credit-offers/{id}": {
                "GET": lambda _, name: ok(world.find("offers", name))
            },
            "/credit-offers/{id}/simulations": {
                "POST": lambda call, name: lending.simulate(
                    world, world.find("offers", name), call.content
                )
            },
        }

    def _loans(self) -> Table:
        world = self._world
        return {
            "/loans": {"POST": lambda call, _: lending.contract(world, call.content)},
            "/loans/{id}": {
                "GET": lambda _, name: ok(
                    lending.read(world, world.find("loans", name))
                )
            },
            "/loans/{id}/transactions": {
                "GET": lambda call, name: _page(
                    call, lending.transactions(world, world.find("loans", name))
                )
            },
        }

    def _webhooks(self) -> Table:
        world = self._world

        def rotate(call: Call, name: str) -> Reply:
            return endpoints.rotate(world, world.find("endpoints", name), call.content)

        return {
            "/webhooks/endpoints": {
                "GET": lambda call, _: _page(call, world.all("endpoints")),
                "POST": lambda call, _: endpoints.create(world, call.content),
            },
            "/webhooks/endpoints/{id}": {
                "GET": lambda _, name: ok(world.find("endpoints", name)),
                "PATCH": lambda call, name: endpoints.update(
                    world, world.find("endpoints", name), call.content
                ),
                "DELETE": lambda _, name: endpoints.delete(
                    world, world.find("endpoints", name)
                ),
            },
            # Documentation and SDKs name different ones.
            "/webhooks/endpoints/{id}/secret/rotate": {"POST": rotate},
            "/webhooks/endpoints/{id}/rotate-secret": {"POST": rotate},
        }

    def _customer(self, identifier: str) -> Record:
        world = self._world
        return customers.settle(world, world.find("customers", identifier))

    def _customer_offers(self, call: Call, name: str) -> Reply:
        mine = self._customer(name)["id"]
        offers = self._world.all("offers")
        return _page(call, [offer for offer in offers if offer["customer_id"] == mine])

    def _session(self, _: Call, name: str) -> Reply:
        code = self._tokens.bootstrap(self._customer(name)["id"])
        return customers.biometrics(self._world, code)


def _page(call: Call, records: list[Record]) -> Reply:
    """Return one page of a list, filtered and sorted by what the query names."""
    query = {name: values[0] for name, values in parse_qs(call.query).items()}
    limit = query.get("limit", "25")
    if not limit.isdecimal() or not 1 <= int(limit) <= 100:  # noqa: PLR2004
        raise Refusal(400, "invalid_limit", "1 to 100", param="limit")
    for name in _FILTERS:
        if name in query:
            records = [one for one in records if str(one.get(name)) == query[name]]
    records = _sorted(records, query.get("sort"), query.get("order", "asc"))
    if (after := query.get("starting_after")) is not None:
        ids = [one["id"] for one in records]
        records = records[ids.index(after) + 1 :] if after in ids else []
    page = records[: int(limit)]
    return ok({"data": page, "has_more": len(records) > len(page)})


def _place(value: Any) -> tuple[bool, Any]:
    """Return what a value is sorted by: null comes first.

    Numbers in one generation, text in the other; never both in one list.
    """
    return (False, 0) if value is None else (True, value)


def _sorted(records: list[Record], sort: str | None, order: str) -> list[Record]:
    if order not in {"asc", "desc"}:
        raise Refusal(400, "invalid_order", "asc or desc", param="order")
    if sort is not None and sort not in _SORTS:
        raise Refusal(400, "invalid_sort", ", ".join(_SORTS), param="sort")
    if sort is not None:
        records = sorted(records, key=lambda one: _place(one.get(sort)))
    return records if order == "asc" else records[::-1]
