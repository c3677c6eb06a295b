"""Chooses the fault of a request: planned ones, and those it asks for itself."""

import fnmatch
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Annotated, Any, Final, Literal

from pydantic import Field, TypeAdapter, ValidationError

from gateway.simulator.ids import Ids
from gateway.simulator.response import Refusal

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
    probability: Annotated[float, Field(ge=0, le=1)] = 1.0
    status: Annotated[int, Field(ge=200, le=599)] | None = None  # default by kind
    body: Literal["json", "html", "empty"] = "json"
    headers: dict[str, str] = field(default_factory=dict)  # added to the response
    # s; None: one second, but `hang` goes on until somebody hangs up
    seconds: Annotated[float, Field(allow_inf_nan=False)] | None = None
    processed: bool = False  # executed first: `hang`, `latency` and `status`
    chunked: bool = False
    location: str = "/elsewhere"

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise Refusal(400, "unknown_fault", f"kinds: {', '.join(sorted(KINDS))}")
        if any(
            "\r" in one or "\n" in one
            for one in (*self.headers, *self.headers.values(), self.location)
        ):
            raise Refusal(400, "invalid_field", "a header has no line ends")

    def meets(self, method: str, path: str) -> bool:
        """Return whether a request is of the kind that this fault is for."""
        return self.method in {None, method} and fnmatch.fnmatchcase(path, self.path)


_FAULT: Final = TypeAdapter(Fault)
_FIELDS: Final = frozenset(part.name for part in fields(Fault))


class Faults:
    """The faults that are planned, and those that requests ask for themselves."""

    def __init__(self, ids: Ids) -> None:
        self._ids = ids
        self._planned: list[Fault] = []
        self._asked: Counter[str] = Counter()

    def plan(self, **fault: Any) -> None:
        """Add a fault.

        Raises:
            Refusal: 400, for a field or a value that is none of a fault's.
        """
        self._planned.append(_fault(fault))

    def clear(self) -> None:
        """Forget all faults."""
        self._planned.clear()
        self._asked.clear()

    def next(self, method: str, path: str, asked: str | None, key: str) -> Fault | None:
        """Return the fault of this request, using it up."""
        if asked is not None:
            fault = _asked_for(asked)
            if fault.meets(method, path) and self._due(fault, f"{asked}\n{key}"):
                return fault
        for fault in self._planned:
            if fault.times == 0 or not fault.meets(method, path):
                continue
            if fault.after > 0:
                fault.after -= 1
            elif self._chance(fault):
                if fault.times is not None:
                    fault.times -= 1
                return fault
        return None

    def _due(self, fault: Fault, counted: str) -> bool:
        """Count a request that asks for a fault; return whether it is its turn."""
        seen = self._asked[counted]
        self._asked[counted] += 1
        over = fault.times is not None and seen >= fault.after + fault.times
        return seen >= fault.after and not over and self._chance(fault)

    def _chance(self, fault: Fault) -> bool:
        return fault.probability >= 1 or self._ids.chance() < fault.probability


def _asked_for(header: str) -> Fault:
    """Return the fault of an `X-Sim-Fault: kind;field=value;...` header."""
    kind, *params = (part.strip() for part in header.split(";"))
    given: dict[str, Any] = {"kind": kind}
    for param in params:
        name, _, value = (part.strip() for part in param.partition("="))
        if name == "headers":
            raise Refusal(400, "unknown_field", "only a planned fault has headers")
        # An empty value, or `null`, is what `null` is in JSON.
        given[name] = None if value in {"", "null"} else value
    return _fault(given)


def _fault(given: dict[str, Any]) -> Fault:
    if unknown := set(given) - _FIELDS:
        raise Refusal(400, "unknown_field", f"unknown: {', '.join(sorted(unknown))}")
    try:
        return _FAULT.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "kind"
        raise Refusal(400, "invalid_field", f"{where}: {first['msg']}") from error
