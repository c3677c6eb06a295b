"""Implements the operations on customers, bank accounts and banks."""

from typing import Any

from gateway.simulator.api import kyc
from gateway.simulator.api.tokens import SESSION_LIFE
from gateway.simulator.fields import OBJECT, TEXT, check
from gateway.simulator.response import Refusal, Reply, ok, required
from gateway.simulator.world import Record, World

_BANKS = (("001", "Banco do Brasil"), ("237", "Bradesco"), ("341", "Itaú Unibanco"))
_ACCOUNTS = ("checking", "saving", "payment")
_PERSON = dict.fromkeys(
    ("cpf", "cnpj", "email", "phone", "name", "trading_name", "external_id"), TEXT
)
_ACCOUNT = dict.fromkeys(("bank_id", "branch", "number", "digit", "kind"), TEXT)


def create(world: World, content: dict[str, Any]) -> Reply:
    """Register a borrower; the same CPF and external id is the same one."""
    needed = ("cpf", "cnpj", "email", "phone") if world.sdk else ("cpf",)
    check(content, **_PERSON)
    required(content, *needed)
    for known in world.kinds["customers"].values():
        if known["cpf"] == content["cpf"]:
            if known["external_id"] in {content.get("external_id"), None}:
                return ok(known, 200)
            raise Refusal(409, "customer_already_exists", "another external_id")
    name = content.get("name") or "Cliente Exemplo"
    customer = world.add(
        "customers",
        "cust",
        status="creating" if world.sdk else "pending_kyc",
        cpf=content["cpf"],
        cnpj=content.get("cnpj"),
        name=name,
        email=content.get("email"),
        phone=content.get("phone"),
        trading_name=content.get("trading_name"),
        external_id=content.get("external_id"),
        kyc=kyc.requirements(world, name),
    )
    world.tell("customers", customer)
    reply = ok(customer, 201)
    # Its creation ends once it is answered: its event waits for no reader.
    settle(world, customer)
    return reply


def settle(world: World, customer: Record) -> Record:
    """Return a customer as it is read: creation has ended by then."""
    world.walk(customer, until=lambda status: status != "creating")
    return customer


def update(world: World, customer: Record, content: dict[str, Any]) -> Reply:
    """Change what may be changed."""
    check(content, **_PERSON)
    allowed = {"email", "phone"} if world.sdk else {"email", "phone", "name"}
    changes = {name: value for name, value in content.items() if name in allowed}
    return ok(world.touch(customer, **changes))


def biometrics(world: World, code: str) -> Reply:
    """Open a session."""
    host = "kyc-app" if world.sdk else "biometrics"
    return ok(
        {
            "session_url": f"https://{host}.dinie.com.br/session/{code}",
            "expires_at": world.moment(world.clock.unix() + SESSION_LIFE),
        }
    )


def put_account(world: World, customer: Record, content: dict[str, Any]) -> Reply:
    """Create or change the bank account."""
    required(content, "bank_account")
    check(content, bank_account=OBJECT)
    wrapped = content["bank_account"]
    check(wrapped, **_ACCOUNT)
    if wrapped.get("kind", "checking") not in _ACCOUNTS:
        raise Refusal(422, "invalid_format", ", ".join(_ACCOUNTS), param="kind")
    known = world.kinds["accounts"].get(customer["id"])
    bank = dict(_BANKS).get(wrapped.get("bank_id") or "", "Banco Exemplo")
    account = {
        "id": known["id"] if known is not None else world.ids.new("ba"),
        **{name: wrapped.get(name) for name in _ACCOUNT},
        "bank_name": bank,
        "updated_at": world.now(),
    }
    world.kinds["accounts"][customer["id"]] = account
    return ok(account)


def banks() -> Reply:
    """Return the directory."""
    return ok(
        {
            "data": [
                {"id": number, "name": name, "display_name": f"{number} - {name}"}
                for number, name in _BANKS
            ]
        }
    )
