"""How is what was measured shown to people and to machines?"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Final

from tests.bench.measure import BARE, DIRECT, GATEWAY, LEDGER, Findings, Sample

TARGET: Final = 1.20  # CPU per request, gateway to bare
LEDGER_TARGET: Final = 0.90  # throughput, with the ledger to without
_MICROSECONDS: Final = 1e6
_MILLISECONDS: Final = 1e3
_MEBIBYTES: Final = 1 / 2**20


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table."""

    key: str
    title: str
    scale: float
    digits: int
    of: Callable[[Sample, Sample], float]  # the subject's and the upstream's sample
    added: bool = False  # means nothing of the upstream itself


ROWS: Final = (
    Row("throughput", "throughput, requests/s", 1, 0, lambda one, _: one.throughput),
    Row("cpu", "CPU per request, us", _MICROSECONDS, 0, lambda one, _: one.cpu),
    Row("p50", "p50 under load, ms", _MILLISECONDS, 2, lambda one, _: one.p50),
    Row("p99", "p99 under load, ms", _MILLISECONDS, 2, lambda one, _: one.p99),
    Row(
        "added_p50",
        "  added to direct, ms",
        _MILLISECONDS,
        2,
        lambda one, direct: one.p50 - direct.p50,
        added=True,
    ),
    Row("alone_p50", "p50 alone, ms", _MILLISECONDS, 2, lambda one, _: one.alone_p50),
    Row("alone_p99", "p99 alone, ms", _MILLISECONDS, 2, lambda one, _: one.alone_p99),
    Row(
        "alone_added_p50",
        "  added to direct, ms",
        _MILLISECONDS,
        2,
        lambda one, direct: one.alone_p50 - direct.alone_p50,
        added=True,
    ),
    Row("memory", "resident memory, MiB", _MEBIBYTES, 1, lambda one, _: one.memory),
)
_COLD: Final = "cold start, s"


def summary(findings: Findings) -> dict[str, Any]:
    """Return medians over rounds, and the median of each round's ratio to bare."""
    rounds = findings.rounds
    medians: dict[str, dict[str, float]] = {}
    ratios: dict[str, dict[str, float]] = {}
    for name in rounds[0]:
        columns = _columns(findings, name)
        base = _columns(findings, BARE)
        medians[name] = {key: median(seen) for key, seen in columns.items()}
        ratios[name] = {
            key: median(map(_ratio, seen, base[key]))
            for key, seen in columns.items()
            if key in base
        }
    return {
        "target": TARGET,
        "rounds": len(rounds),
        "median": medians,
        "ratio_to_bare": ratios,
        "samples": [
            {name: asdict(one) for name, one in taken.items()} for taken in rounds
        ],
        "starts": findings.starts,
    }


def _columns(findings: Findings, name: str) -> dict[str, list[float]]:
    """Return what was seen of one subject, by the key of its row."""
    columns = {
        row.key: [row.of(one[name], one[DIRECT]) for one in findings.rounds]
        for row in ROWS
        if not (row.added and name == DIRECT)
    }
    if name in findings.starts:
        columns["cold_start"] = findings.starts[name]
    return columns


def table(told: dict[str, Any]) -> str:
    """Return the table that people read."""
    medians, ratios = told["median"], told["ratio_to_bare"]
    names = list(medians)
    compared = [name for name in names if name not in {DIRECT, BARE}]
    heads = [*names, *(f"{name}/bare" for name in compared)]
    lines = [f"{'':24}" + "".join(f"{head:>14}" for head in heads)]
    shown = [(row.key, row.title, row.scale, row.digits) for row in ROWS]
    for key, title, scale, digits in (*shown, ("cold_start", _COLD, 1.0, 2)):
        cells = [
            f"{medians[name][key] * scale:14.{digits}f}"
            if key in medians[name]
            else f"{'-':>14}"
            for name in names
        ]
        cells += [f"{ratios[name][key]:14.2f}" for name in compared]
        lines.append(f"{title:24}" + "".join(cells))
    lines.append(f"medians of {told['rounds']} rounds; direct is the upstream itself")
    return "\n".join(lines)


def verdict(told: dict[str, Any]) -> tuple[str, bool]:
    """Return the last line, and whether the target is met."""
    ratio = told["ratio_to_bare"][GATEWAY]["cpu"]
    rates = [
        one[LEDGER]["throughput"] / one[GATEWAY]["throughput"]
        for one in told["samples"]
    ]
    text = (
        f"cpu per request: gateway / bare = {ratio:.2f} (target <= {TARGET:.2f})\n"
        f"throughput: with the ledger / without = {median(rates):.2f} "
        f"(target >= {LEDGER_TARGET:.2f}; two of five requests are POSTs)"
    )
    return text, ratio <= TARGET


def _ratio(one: float, other: float) -> float:
    return one / other if other else float("inf")
