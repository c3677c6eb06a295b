"""`python -m tests.bench`: what does the gateway cost, next to a bare pass-through?"""

import argparse
import sys
import tempfile
from pathlib import Path

import orjson

from tests.bench.measure import Plan, measure
from tests.bench.processes import ROOT
from tests.bench.profiling import profile
from tests.bench.report import summary, table, verdict

_QUICK = Plan(rounds=12, requests=500, alone=50, starts=2, budget=12.0)
_PROFILED = 10_000  # requests


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="under 20 s, and rougher")
    parser.add_argument("--rounds", type=int, help="rounds to measure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write it all here")
    parser.add_argument(
        "--gate", action="store_true", help="exit 1 when over the target"
    )
    parser.add_argument(
        "--profile", action="store_true", help="show where the gateway's time goes"
    )
    parser.add_argument(
        "--other",
        type=Path,
        metavar="FOLDER",
        help="compare with (or profile) the gateway of another source tree",
    )
    return parser.parse_args()


def _plan(given: argparse.Namespace) -> Plan:
    plan = _QUICK if given.quick else Plan()
    return Plan(
        rounds=given.rounds or plan.rounds,
        requests=plan.requests,
        alone=plan.alone,
        starts=plan.starts,
        budget=plan.budget,
        other=given.other,
    )


def main() -> int:
    """Measure, print, and return the exit code."""
    given = _arguments()
    with tempfile.TemporaryDirectory(prefix="dinie-bench-") as folder:
        if given.profile:
            source = given.other.resolve() if given.other else ROOT
            print(profile(Path(folder), _PROFILED, source=source))
            return 0
        findings = measure(
            _plan(given), Path(folder), lambda text: print(text, file=sys.stderr)
        )
    told = summary(findings)
    if given.json is not None:
        given.json.write_bytes(orjson.dumps(told, option=orjson.OPT_INDENT_2))
    print(table(told))
    line, met = verdict(told)
    print(line)
    return 1 if given.gate and not met else 0


if __name__ == "__main__":
    sys.exit(main())
