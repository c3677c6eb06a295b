"""Which request goes wrong, and how?"""

import fnmatch
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any, Final

from gateway.simulator.answer import Refusal
from gateway.simulator.ids import Ids

KINDS: Final = frozenset(
    {
        "latency",
        "reset_before",
        "reset_after",
        "status",
        "slow_body",
        "cut_body",
        "malformed_json",
        "malformed_http",
        "token_expired",
        "invalid_token",
        "missing_token",
        "unauthorized",
        "redirect",
        "clock_skew",
        "hang",
        "empty_200",
    }
)


@dataclass(slots=True, kw_only=True)
class Fault:
    """One fault and the requests it is for."""

    kind: str
    method: str | None = None
    path: str = "*"  # a glob on the path without prefix
    times: int | None = 1  # None: for ever
    after: int = 0  # matches that pass first
    probability: float = 1.0
    status: int = 500
    body: str = "json"  # or html, empty
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 1.0
    processed: bool = False
    chunked: bool = False
    location: str = "/elsewhere"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refusal(400, "unknown_fault", f"kinds: {', '.join(sorted(KINDS))}")


class Faults:
    """The faults that are planned, and those that requests ask for themselves."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._planned: list[Fault] = []
        self._asked: Counter[str] = Counter()

    def plan(self, **fault: Any) -> None:
        """Add a fault."""
        known = {part.name for part in fields(Fault)}
        if unknown := set(fault) - known:
            raise Refusal(400, "unknown_field", f"unknown: {', '.join(unknown)}")
        self._planned.append(Fault(**fault))

    def clear(self) -> None:
        """Forget all faults."""
        self._planned.clear()
        self._asked.clear()

    def next(self, method: str, path: str, asked: str | None, key: str) -> Fault | None:
        """Return the fault of this request, using it up."""
        if asked is not None and (fault := self._header(asked, key)) is not None:
            return fault
        for fault in self._planned:
            if fault.method not in {None, method} or fault.times == 0:
                continue
            if not fnmatch.fnmatchcase(path, fault.path):
                continue
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.probability < 1 and self._ids.chance() >= fault.probability:
                continue
            if fault.times is not None:
                fault.times -= 1
            return fault
        return None

    def _header(self, asked: str, key: str) -> Fault | None:
        """Return the fault of an `X-Sim-Fault: kind;param=value` header."""
        kind, *params = (part.strip() for part in asked.split(";"))
        pairs = [param.partition("=") for param in params]
        try:
            given = {name: _typed(name, value) for name, _, value in pairs}
            fault = Fault(kind=kind, **given)
        except (TypeError, ValueError) as error:
            raise Refusal(400, "unknown_field", "kind;field=value;...") from error
        counted = f"{asked}\n{key}"
        if fault.times is not None and self._asked[counted] >= fault.times:
            return None
        self._asked[counted] += 1
        return fault


def _typed(name: str, value: str) -> Any:
    if name in {"times", "after", "status"}:
        return int(value) if value.isdigit() else None
    if name in {"seconds", "probability"}:
        return float(value)
    if name in {"processed", "chunked"}:
        return value == "true"
    if name == "headers":
        raise ValueError("only a planned fault has headers")
    return value
