"""Holds the customers, offers and loans of the simulated Dinie.

Life cycles move by `step`: by hand, or by themselves as records are read.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from gateway.core.clock import Clock
from gateway.simulator.ids import Ids
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.response import Refusal
from gateway.simulator.webhooks.signing import Secrets

Record = dict[str, Any]
RATE: Final = 0.035  # a month
OFFER_LIFE: Final = 30 * 86_400.0  # s
_KINDS = ("customers", "offers", "simulations", "loans", "accounts", "endpoints")
_OFFER = ("available", "expired")
_CUSTOMER = ("pending_kyc", "under_review", "active")
_LOAN_SDK = ("awaiting_signatures", "processing", "active", "finished")
_LOAN_DOCS = (
    "processing",
    "contract_generated",
    "awaiting_signatures",
    "signed",
    "disbursing",
    "active",
    "finished",
)


class World:
    """All records by kind and id, and how values look in this profile."""

    def __init__(self, options: SimulatorOptions, clock: Clock, ids: Ids) -> None:
        self.options = options
        self.clock = clock
        self.ids = ids
        self.kinds: dict[str, dict[str, Record]] = {kind: {} for kind in _KINDS}
        self.secrets = Secrets()  # of endpoints
        # Told of each change: the kind, the record, its status before ("": none).
        self.observer: Callable[[str, Record, str], None] | None = None
        self.latest: dict[str, str] = {}  # offer -> its latest simulation
        self._ends: dict[str, float] = {}  # offer -> when it expires, s, Unix

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

    def day(self, ahead: int, since: str | None = None) -> str:
        """Return a date so many days from another one, or from today."""
        if since is not None:
            begin = date.fromisoformat(since)
        else:
            begin = datetime.fromtimestamp(self.clock.unix(), UTC).date()
        return (begin + timedelta(days=ahead)).isoformat()

    def find(self, kind: str, identifier: str) -> Record:
        """Return a record.

        Raises:
            Refusal: 404.
        """
        record = self.kinds[kind].get(identifier)
        if record is None:
            raise Refusal(404, "not_found", "no such resource")
        return self._fresh(record)

    def all(self, kind: str) -> list[Record]:
        """Return all records of a kind, oldest first."""
        return [self._fresh(record) for record in self.kinds[kind].values()]

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

    def tell(self, kind: str, record: Record, before: str = "") -> None:
        """Tell who watches that a record is new, or left a status."""
        if self.observer is not None:
            self.observer(kind, record, before)

    def offer(self, customer: Record) -> Record:
        """Add the offer that an active customer gets."""
        rate = "monthly_interest_rate" if self.sdk else "interest_rate"
        ends = self.clock.unix() + OFFER_LIFE
        values: Record = {
            "customer_id": customer["id"],
            "external_id": customer["external_id"],
            "status": "available",
            "approved_amount": self.money(50000),
            "min_amount": self.money(1000),
            rate: 3.5,
            "installments": 12,
            "due_date_rule": None,
            "valid_until": self.moment(ends),
        }
        offer = self.add("offers", "co", **values)
        self._ends[offer["id"]] = ends
        self.tell("offers", offer)
        return offer

    def _fresh(self, record: Record) -> Record:
        """Return a record after what time alone has changed: offers expire."""
        ends = self._ends.get(record.get("id", ""))
        over = ends is not None and self.clock.unix() >= ends
        if over and record["status"] == "available":
            self.touch(record, status="expired")
            self.tell("offers", record, "available")
        return record

    # Life cycles.

    def step(self, identifier: str, to: str | None = None) -> Record:
        """Move a customer, an offer or a loan one step on, or to a status.

        Raises:
            Refusal: 404; 409 at the end of its life; 422 for no status of its kind.
        """
        for kind, (path, exits) in self._lives().items():
            record = self.kinds[kind].get(identifier)
            if record is None:
                continue
            before = record["status"]
            self.touch(record, status=_next(before, path, exits, to))
            if kind == "customers":
                self._moved(record, before, back=to == "pending_kyc")
            else:
                self.tell(kind, record, before)
            return record
        raise Refusal(404, "not_found", "no such customer, offer or loan")

    def _lives(self) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
        """Return for each kind the usual path and the exits beside it."""
        loan = _LOAN_SDK if self.sdk else _LOAN_DOCS
        return {
            "customers": (
                (("creating", *_CUSTOMER), ("denied",)) if self.sdk else (_CUSTOMER, ())
            ),
            "loans": (loan, ("cancelled", "error")),
            "offers": (_OFFER, ()),
        }

    def _moved(self, customer: Record, before: str, *, back: bool) -> None:
        """Do what comes with a customer's new status."""
        active = customer["status"] == "active"
        if active or back:
            self._judge(customer, accepted=active)
        if active and any("submitted" in item for item in customer["kyc"]):
            self.tell("kyc", customer, before)
        self.tell("customers", customer, before)
        if active:
            mine = (o["customer_id"] == customer["id"] for o in self.all("offers"))
            if not any(mine):
                self.offer(customer)

    def _judge(self, customer: Record, *, accepted: bool) -> None:
        """Accept what was sent in, or ask for it again."""
        for item in customer["kyc"]:
            if "submitted" in item:
                item["submitted"]["review_status"] = (
                    "accepted" if accepted else "rejected"
                )
                reason = None if accepted else "illegible"
                item["submitted"]["review_reason"] = reason
            elif not accepted and item.get("uploaded_at"):
                item.update(uploaded_at=None, message="Documento ilegível")

    def walk(self, record: Record, until: Callable[[str], bool]) -> None:
        """Step on by itself until a status is reached, where that is switched on."""
        while self.options.auto_step and not until(record["status"]):
            self.step(record["id"])


def _next(
    status: str, path: tuple[str, ...], exits: tuple[str, ...], to: str | None
) -> str:
    """Return the status that follows, or the one asked for where there is such."""
    if to is None:
        if status not in path[:-1]:
            raise Refusal(409, "end_of_life", "there is no further step")
        return path[path.index(status) + 1]
    if to not in {*path, *exits}:
        known = ", ".join((*path, *exits))
        raise Refusal(422, "invalid_format", f"one of {known}", param="to")
    return to


def installment(amount: float, count: int) -> float:
    """Return the payment of an annuity at the simulator's rate."""
    return round(amount * RATE / (1 - (1 + RATE) ** -count), 2)
