"""What do the gateway, a bare pass-through and the upstream itself cost?

All of them run all the time and are measured by turns, so that whatever else the
machine does falls on each alike; ratios are taken within a round.
"""

import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench.processes import Load, Server, bare, gateway, upstream

DIRECT = "direct"
BARE = "bare"
GATEWAY = "gateway"
LEDGER = "ledger"  # the gateway with its POSTs on disk before they are sent
OTHER = "other"  # a gateway from another source tree
CONNECTIONS = 16
_TOLD = 10  # rounds between two words about them
_WARM = 2000  # requests before anything counts


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured."""

    rounds: int = 40
    requests: int = 1000  # a round, under load
    alone: int = 100  # a round, one at a time
    starts: int = 5
    budget: float = 70.0  # s; no round begins later
    other: Path | None = None  # a source tree to compare with


@dataclass(frozen=True, slots=True)
class Sample:
    """One subject in one round. Times in s, memory in bytes."""

    throughput: float  # requests/s
    cpu: float  # of the subject's process, per request
    p50: float  # under load
    p99: float
    alone_p50: float  # one request at a time
    alone_p99: float
    memory: float


@dataclass(slots=True)
class Findings:
    """Everything that was measured."""

    rounds: list[dict[str, Sample]] = field(default_factory=list)
    starts: dict[str, list[float]] = field(default_factory=dict)  # s


def measure(plan: Plan, folder: Path, tell: Callable[[str], None]) -> Findings:
    """Start everything, measure by turns, end everything.

    Raises:
        RuntimeError: something does not start, or a request failed.
    """
    findings = Findings()
    began = time.perf_counter()
    with ExitStack() as stack:
        origin = stack.enter_context(upstream(folder))
        origin.started()
        starters = _starters(plan, folder, f"http://127.0.0.1:{origin.port}")
        tell("cold starts")
        _cold_starts(plan, starters, findings)
        load = stack.enter_context(Load())
        subjects = {DIRECT: origin}
        for name, start in starters.items():
            subjects[name] = stack.enter_context(start())
            subjects[name].started()
        tell("warming up")
        for subject in subjects.values():
            load.drive(subject.port, _WARM, CONNECTIONS)
        for number in range(1, plan.rounds + 1):
            if findings.rounds and time.perf_counter() - began > plan.budget:
                tell("no time left for more rounds")
                break
            if number % _TOLD == 1:
                tell(f"round {number} of {plan.rounds}")
            findings.rounds.append(_round(plan, load, subjects))
    return findings


def _starters(plan: Plan, folder: Path, origin: str) -> dict[str, Callable[[], Server]]:
    starters: dict[str, Callable[[], Server]] = {
        BARE: lambda: bare(folder, origin),
        GATEWAY: lambda: gateway(folder, origin),
        LEDGER: lambda: gateway(folder, origin, name=LEDGER, durable=True),
    }
    if plan.other is not None:
        source = plan.other.resolve()
        starters[OTHER] = lambda: gateway(folder, origin, name=OTHER, source=source)
    return starters


def _cold_starts(
    plan: Plan, starters: Mapping[str, Callable[[], Server]], findings: Findings
) -> None:
    for _ in range(plan.starts):
        for name, start in starters.items():
            with start() as server:
                findings.starts.setdefault(name, []).append(server.started())


def _round(plan: Plan, load: Load, subjects: Mapping[str, Server]) -> dict[str, Sample]:
    samples = {}
    for name, subject in subjects.items():
        spent = subject.cpu()
        busy = load.drive(subject.port, plan.requests, CONNECTIONS)
        spent = subject.cpu() - spent
        alone = load.drive(subject.port, plan.alone, 1)
        samples[name] = Sample(
            throughput=plan.requests / busy["seconds"],
            cpu=spent / plan.requests,
            p50=busy["p50"],
            p99=busy["p99"],
            alone_p50=alone["p50"],
            alone_p99=alone["p99"],
            memory=float(subject.memory()),
        )
    return samples
