"""Which customers, offers and loans exist at the simulated Dinie?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.clock import Clock
from gateway.simulator.answer import Refusal
from gateway.simulator.ids import Ids
from gateway.simulator.options import SimulatorOptions

Record = dict[str, Any]
_RATE = 0.035  # a month
OFFER_LIFE = 30  # days


class World:
    """All records by kind and id, and how values look in this profile."""

    def __init__(self, options: SimulatorOptions, clock: Clock, ids: Ids) -> None:
        self.options = options
        self.clock = clock
        self.ids = ids
        self.kinds: dict[str, dict[str, Record]] = {
            kind: {}
            for kind in (
                "customers",
                "offers",
                "simulations",
                "loans",
                "accounts",
                "endpoints",
            )
        }

    @property
    def sdk(self) -> bool:
        """Whether the profile is that of the SDKs."""
        return self.options.profile == "sdk"

    def money(self, amount: float) -> Any:
        """Return an amount as the profile writes it."""
        return round(amount, 2) if self.sdk else f"{amount:.2f}"

    def now(self) -> Any:
        """Return this moment as the profile writes it."""
        return self.moment(self.clock.unix())

    def moment(self, unix: float) -> Any:
        """Return a moment (s, Unix) as the profile writes it."""
        if self.sdk:
            return int(unix)
        return datetime.fromtimestamp(int(unix), UTC).isoformat().replace("+00:00", "Z")

    def day(self, ahead: int) -> str:
        """Return a date so many days from today."""
        today = datetime.fromtimestamp(self.clock.unix(), UTC)
        return (today + timedelta(days=ahead)).date().isoformat()

    def find(self, kind: str, identifier: str) -> Record:
        """Return a record.

        Raises:
            Refusal: 404.
        """
        record = self.kinds[kind].get(identifier)
        if record is None:
            raise Refusal(404, "not_found", "no such resource")
        return record

    def add(self, kind: str, prefix: str, **values: Any) -> Record:
        """Add a record with an id and its two moments."""
        record: Record = {
            "id": self.ids.new(prefix),
            **values,
            "created_at": self.now(),
            "updated_at": self.now(),
        }
        self.kinds[kind][record["id"]] = record
        return record

    def touch(self, record: Record, **values: Any) -> Record:
        """Change a record."""
        record.update(values, updated_at=self.now())
        return record

    # Life cycles.

    def step(self, identifier: str) -> Record:
        """Move a customer or a loan one step on.

        Raises:
            Refusal: 404, or 409 at the end of its life.
        """
        for kind, path in (
            ("customers", self._customer_path()),
            ("loans", self._loan_path()),
        ):
            record = self.kinds[kind].get(identifier)
            if record is None:
                continue
            if record["status"] not in path[:-1]:
                raise Refusal(409, "end_of_life", "there is no further step")
            later = path[path.index(record["status"]) + 1]
            self.touch(record, status=later)
            if later == "active" and kind == "customers":
                self.offer(record)
            return record
        raise Refusal(404, "not_found", "no such customer or loan")

    def _customer_path(self) -> list[str]:
        path = ["pending_kyc", "under_review", "active"]
        return ["creating", *path] if self.sdk else path

    def _loan_path(self) -> list[str]:
        if self.sdk:
            return ["awaiting_signatures", "processing", "active", "finished"]
        return [
            "processing",
            "contract_generated",
            "awaiting_signatures",
            "signed",
            "disbursing",
            "active",
            "finished",
        ]

    def walk(self, record: Record, until: Callable[[str], bool]) -> None:
        """Step on by itself until a status is reached, where that is switched on."""
        while self.options.auto_step and not until(record["status"]):
            self.step(record["id"])

    def offer(self, customer: Record) -> Record:
        """Add the offer that an active customer gets."""
        rate = "monthly_interest_rate" if self.sdk else "interest_rate"
        values: Record = {
            "customer_id": customer["id"],
            "external_id": customer["external_id"],
            "status": "available",
            "approved_amount": self.money(50000),
            "min_amount": self.money(1000),
            rate: _RATE * 100,
            "installments": 12,
            "due_date_rule": None,
            "valid_until": self.moment(self.clock.unix() + OFFER_LIFE * 86400),
        }
        return self.add("offers", "co", **values)


def installment(amount: float, count: int) -> float:
    """Return the payment of an annuity at the simulator's rate."""
    return round(amount * _RATE / (1 - (1 + _RATE) ** -count), 2)


RATE = _RATE
