"""Which operation does a request ask for?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from gateway.simulator.api import customers, endpoints, kyc, lending
from gateway.simulator.api.credentials import Credentials
from gateway.simulator.api.tokens import Tokens
from gateway.simulator.response import Answer, Refusal, not_allowed, ok
from gateway.simulator.world import Record, World

_FILTERS = ("status", "cpf", "external_id", "customer_id")
_SORTS = ("created_at", "updated_at", "name")


@dataclass(slots=True)
class Call:
    """One authorised request."""

    method: str
    segments: list[str]  # of the path without prefix, decoded
    query: str = ""
    content: dict[str, Any] = field(default_factory=dict)  # of a JSON body
    parts: dict[str, Any] = field(default_factory=dict)  # of an upload
    customer_id: str | None = None  # of a session token


# What a path's `*` is comes second; empty where it has none.
Operation = Callable[[Call, str], Answer]
Table = dict[str, dict[str, Operation]]


class Routes:
    """The endpoint catalogue."""

    def __init__(self, world: World, tokens: Tokens, credentials: Credentials) -> None:
        self._world = world
        self._tokens = tokens
        self._credentials = credentials
        table = {
            **self._auth(),
            **self._customers(),
            **self._uploads(),
            **self._offers(),
            **self._loans(),
            **self._webhooks(),
        }
        self._table = [(path.split("/"), methods) for path, methods in table.items()]

    def answer(self, call: Call) -> Answer:
        """Execute a call.

        Raises:
            Refusal: as Dinie refuses.
        """
        for path, methods in self._table:
            if not _fits(path, call.segments):
                continue
            operation = methods.get(call.method)
            if operation is None:
                raise not_allowed(methods)
            pairs = zip(path, call.segments, strict=True)
            return operation(
                call, next((its for mine, its in pairs if mine == "*"), "")
            )
        raise Refusal(404, "not_found", "no such route")

    def _auth(self) -> Table:
        tokens, known = self._tokens, self._credentials
        return {
            # Its POST needs no token and never comes here.
            "auth/token": {},
            "auth/credentials": {
                "GET": lambda call, _: _page(call, known.all()),
                "POST": lambda call, _: known.create(call.content),
            },
            "auth/credentials/*": {"DELETE": lambda _, name: known.revoke(name)},
            "biometrics/session-exchange": {
                "POST": lambda call, _: tokens.exchange(call.content)
            },
        }

    def _customers(self) -> Table:
        world = self._world
        return {
            "banks": {"GET": lambda _, __: customers.banks()},
            "customers": {
                "GET": lambda call, _: _page(
                    call, [customers.settle(world, c) for c in world.all("customers")]
                ),
                "POST": lambda call, _: customers.create(world, call.content),
            },
            "customers/*": {
                "GET": lambda _, name: ok(self._customer(name)),
                "PATCH": lambda call, name: customers.update(
                    world, self._customer(name), call.content
                ),
            },
            "customers/*/bank-account": {
                "GET": lambda _, name: ok(
                    world.find("accounts", self._customer(name)["id"])
                ),
                "POST": lambda call, name: customers.put_account(
                    world, self._customer(name), call.content
                ),
            },
            "customers/*/biometrics": {"POST": self._session},
            "customers/*/credit-offers": {"GET": self._customer_offers},
        }

    def _uploads(self) -> Table:
        world = self._world

        def upload(call: Call, name: str) -> Answer:
            return kyc.upload(world, self._customer(name), call.parts)

        def selfie(call: Call, name: str) -> Answer:
            if call.customer_id != self._customer(name)["id"]:
                raise Refusal(403, "forbidden", "needs the customer's session")
            return upload(call, name)

        return {
            "customers/*/documents": {"POST": upload},
            "customers/*/kyc-attachments": {"POST": upload},
            "customers/*/kyc-attachments/selfie": {"POST": selfie},
            "customers/*/kyc-review": {
                "POST": lambda _, name: kyc.review(world, self._customer(name))
            },
        }

    def _offers(self) -> Table:
        world = self._world
        return {
            "credit-offers": {"GET": lambda call, _: _page(call, world.all("offers"))},
            "credit-offers/*": {"GET": lambda _, name: ok(world.find("offers", name))},
            "credit-offers/*/simulations": {
                "POST": lambda call, name: lending.simulate(
                    world, world.find("offers", name), call.content
                )
            },
        }

    def _loans(self) -> Table:
        world = self._world
        return {
            "loans": {"POST": lambda call, _: lending.contract(world, call.content)},
            "loans/*": {
                "GET": lambda _, name: ok(
                    lending.read(world, world.find("loans", name))
                )
            },
            "loans/*/transactions": {
                "GET": lambda call, name: _page(
                    call, lending.transactions(world, world.find("loans", name))
                )
            },
        }

    def _webhooks(self) -> Table:
        world = self._world

        def rotate(call: Call, name: str) -> Answer:
            return endpoints.rotate(world, world.find("endpoints", name), call.content)

        return {
            "webhooks/endpoints": {
                "GET": lambda call, _: _page(call, world.all("endpoints")),
                "POST": lambda call, _: endpoints.create(world, call.content),
            },
            "webhooks/endpoints/*": {
                "GET": lambda _, name: ok(world.find("endpoints", name)),
                "PATCH": lambda call, name: endpoints.update(
                    world, world.find("endpoints", name), call.content
                ),
                "DELETE": lambda _, name: endpoints.delete(
                    world, world.find("endpoints", name)
                ),
            },
            # Documentation and SDKs name different ones.
            "webhooks/endpoints/*/secret/rotate": {"POST": rotate},
            "webhooks/endpoints/*/rotate-secret": {"POST": rotate},
        }

    def _customer(self, identifier: str) -> Record:
        world = self._world
        return customers.settle(world, world.find("customers", identifier))

    def _customer_offers(self, call: Call, name: str) -> Answer:
        mine = self._customer(name)["id"]
        offers = self._world.all("offers")
        return _page(call, [offer for offer in offers if offer["customer_id"] == mine])

    def _session(self, _: Call, name: str) -> Answer:
        code = self._tokens.bootstrap(self._customer(name)["id"])
        return customers.biometrics(self._world, code)


def _fits(path: list[str], segments: list[str]) -> bool:
    return len(path) == len(segments) and all(
        its != "" and mine in {"*", its}
        for mine, its in zip(path, segments, strict=True)
    )


def _page(call: Call, records: list[Record]) -> Answer:
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
