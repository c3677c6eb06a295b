"""Which operation does a request ask for?"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from gateway.simulator import customers, kyc, lending
from gateway.simulator.answer import Answer, Refusal, ok
from gateway.simulator.tokens import Tokens
from gateway.simulator.world import Record, World


@dataclass(slots=True)
class Call:
    """One authorised request."""

    method: str
    segments: list[str]  # of the path without prefix
    query: str = ""
    content: dict[str, Any] = field(default_factory=dict)  # of a JSON body
    parts: dict[str, Any] = field(default_factory=dict)  # of an upload
    customer_id: str | None = None  # of a session token


class Routes:
    """The endpoint catalogue."""

    def __init__(self, world: World, tokens: Tokens) -> None:
        self._world = world
        self._tokens = tokens
        self._families: dict[str, Callable[[Call], Answer]] = {
            "auth": self._auth,
            "banks": self._banks,
            "biometrics": self._biometrics,
            "credit-offers": self._offers,
            "customers": self._customers,
            "loans": self._loans,
            "webhooks": self._webhooks,
        }

        self._below_customer: dict[
            tuple[str, str], Callable[[Call, Record], Answer]
        ] = {
            ("GET", ""): lambda _, customer: ok(customer),
            ("PATCH", ""): lambda call, customer: customers.update(
                world, customer, call.content
            ),
            ("POST", "documents"): self._upload,
            ("POST", "kyc-attachments"): self._upload,
            ("POST", "kyc-attachments/selfie"): self._selfie,
            ("POST", "kyc-review"): lambda _, customer: kyc.review(world, customer),
            ("POST", "biometrics"): self._session,
            ("GET", "bank-account"): lambda _, customer: ok(
                world.find("accounts", customer["id"])
            ),
            ("POST", "bank-account"): lambda call, customer: customers.put_account(
                world, customer, call.content
            ),
            ("GET", "credit-offers"): self._customer_offers,
        }

    def answer(self, call: Call) -> Answer:
        """Execute a call.

        Raises:
            Refusal: as Dinie refuses.
        """
        family = self._families.get(call.segments[0] if call.segments else "")
        if family is None:
            raise Refusal(404, "not_found", "no such route")
        return family(call)

    def _customers(self, call: Call) -> Answer:
        world = self._world
        match call.method, *call.segments[1:]:
            case ["POST"]:
                return customers.create(world, call.content)
            case ["GET"]:
                return _page(
                    call, [customers.settle(world, r) for r in self._all("customers")]
                )
            case [_, identifier, *rest]:
                customer = customers.settle(
                    world, world.find("customers", str(identifier))
                )
                return self._customer(call, customer, "/".join(map(str, rest)))
        raise _not_allowed()

    def _customer(self, call: Call, customer: Record, below: str) -> Answer:
        operation = self._below_customer.get((call.method, below))
        if operation is None:
            raise Refusal(404, "not_found", "no such route")
        return operation(call, customer)

    def _upload(self, call: Call, customer: Record) -> Answer:
        return kyc.upload(self._world, customer, call.parts)

    def _selfie(self, call: Call, customer: Record) -> Answer:
        if call.customer_id != customer["id"]:
            raise Refusal(403, "forbidden", "needs the customer's session")
        return kyc.upload(self._world, customer, call.parts)

    def _customer_offers(self, call: Call, customer: Record) -> Answer:
        offers = self._all("offers")
        return _page(call, [o for o in offers if o["customer_id"] == customer["id"]])

    def _session(self, _: Call, customer: Record) -> Answer:
        code = self._tokens.bootstrap(customer["id"])
        return customers.biometrics(self._world, customer, code)

    def _offers(self, call: Call) -> Answer:
        match call.method, *call.segments[1:]:
            case ["GET"]:
                return _page(call, self._all("offers"))
            case ["GET", identifier]:
                return ok(self._world.find("offers", str(identifier)))
            case ["POST", identifier, "simulations"]:
                offer = self._world.find("offers", str(identifier))
                return lending.simulate(self._world, offer, call.content)
        raise _not_allowed()

    def _loans(self, call: Call) -> Answer:
        match call.method, *call.segments[1:]:
            case ["POST"]:
                return lending.contract(self._world, call.content)
            case ["GET", identifier]:
                return ok(self._world.find("loans", str(identifier)))
            case ["GET", identifier, "transactions"]:
                loan = self._world.find("loans", str(identifier))
                return _page(call, lending.transactions(self._world, loan))
        raise _not_allowed()

    def _banks(self, call: Call) -> Answer:
        if call.method != "GET":
            raise _not_allowed()
        return customers.banks()

    def _biometrics(self, call: Call) -> Answer:
        if call.method == "POST" and call.segments[1:] == ["session-exchange"]:
            return self._tokens.exchange(call.content)
        raise _not_allowed()

    def _auth(self, call: Call) -> Answer:
        tokens, world = self._tokens, self._world
        match call.method, *call.segments[1:]:
            case ["GET", "credentials"]:
                return _page(call, list(tokens.credentials.values()))
            case ["POST", "credentials"]:
                kind = f"dinie_ci_test_{world.ids.text(12)}"
                secret = f"dinie_cs_test_{world.ids.text(32)}"
                credential = {
                    "id": kind,
                    "client_id": kind,
                    "name": call.content.get("name"),
                    "status": "active",
                    "expires_at": call.content.get("expires_at"),
                    "last_used_at": None,
                    "created_at": world.now(),
                    "updated_at": world.now(),
                }
                tokens.credentials[kind] = credential
                tokens.secrets[kind] = secret
                return ok({**credential, "client_secret": secret}, 201)
            case ["DELETE", "credentials", identifier]:
                return self._revoke(str(identifier))
        raise _not_allowed()

    def _revoke(self, identifier: str) -> Answer:
        """Revoke a credential: tokens that are out go on until they expire."""
        credentials = self._tokens.credentials
        if identifier not in credentials:
            raise Refusal(404, "not_found", "no such credential")
        active = [c for c in credentials.values() if c["status"] == "active"]
        if [c["client_id"] for c in active] == [identifier]:
            raise Refusal(409, "last_credential", "it is the last active one")
        credentials[identifier]["status"] = "revoked"
        return Answer(204)

    def _webhooks(self, call: Call) -> Answer:
        world = self._world
        match call.method, *call.segments[1:]:
            case ["GET", "endpoints"]:
                return _page(call, self._all("endpoints"))
            case ["POST", "endpoints"]:
                if not str(call.content.get("url", "")).startswith("https://"):
                    raise Refusal(422, "invalid_format", "HTTPS only", param="url")
                endpoint = world.add(
                    "endpoints",
                    "we",
                    url=call.content["url"],
                    events=call.content.get("events") or ["*"],
                    description=call.content.get("description"),
                    status="active",
                )
                return ok({**endpoint, "secret": self._webhook_secret()}, 201)
            case [_, "endpoints", identifier, *rest]:
                endpoint = world.find("endpoints", str(identifier))
                return self._endpoint(call, endpoint, "/".join(map(str, rest)))
        raise _not_allowed()

    def _endpoint(self, call: Call, endpoint: Record, below: str) -> Answer:
        world = self._world
        match call.method, below:
            case "GET", "":
                return ok(endpoint)
            case "PATCH", "":
                names = {"url", "events", "description", "status"}
                changes = {k: v for k, v in call.content.items() if k in names}
                return ok(world.touch(endpoint, **changes))
            case "DELETE", "":
                del world.kinds["endpoints"][endpoint["id"]]
                return Answer(204)
            case "POST", "secret/rotate" | "rotate-secret":
                life = int(call.content.get("expire_current_in", 3600))
                return ok(
                    {
                        "id": endpoint["id"],
                        "secret": self._webhook_secret(),
                        "previous_secret_expires_at": world.moment(
                            world.clock.unix() + life
                        ),
                    }
                )
        raise _not_allowed()

    def _webhook_secret(self) -> str:
        # 44 characters of padded base64, as 32 random bytes give.
        return f"whsec_{self._world.ids.text(43)}="

    def _all(self, kind: str) -> list[Record]:
        return list(self._world.kinds[kind].values())


def _not_allowed() -> Refusal:
    return Refusal(405, "method_not_allowed", "no such operation")


def _page(call: Call, records: list[Record]) -> Answer:
    """Return one page of a list, filtered by what the query names."""
    query = {name: values[0] for name, values in parse_qs(call.query).items()}
    limit = query.pop("limit", "25")
    if not limit.isdigit() or not 1 <= int(limit) <= 100:  # noqa: PLR2004
        raise Refusal(400, "invalid_limit", "1 to 100", param="limit")
    after = query.pop("starting_after", None)
    for name in ("status", "cpf", "external_id", "customer_id"):
        if name in query:
            records = [r for r in records if str(r.get(name)) == query[name]]
    if after is not None:
        ids = [record["id"] for record in records]
        records = records[ids.index(after) + 1 :] if after in ids else []
    page = records[: int(limit)]
    return ok({"data": page, "has_more": len(records) > len(page)})
