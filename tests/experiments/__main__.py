"""`make experiment`: is the quota shared fairly, and a storm weathered?"""

import argparse
import asyncio
import sys
from pathlib import Path

from tests.experiments.charts import draw_flood, draw_storm
from tests.experiments.flood import Flood, flood
from tests.experiments.nested import nested
from tests.experiments.overdue import overdue
from tests.experiments.storm import Storm, storm

_IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
_REQUESTS, _RATE = 1000, 200.0  # requests/s
_LATE = 0.1  # s
_USED = 0.95  # of the quota
_AILING, _MORE = (0.4, 1.0), 1.3  # of the requests; times the calls
_SHARE, _BACK = 0.10, 5.0  # of the normal calls; s


def _flood_table(seen: Flood) -> list[str]:
    gap = seen.window / seen.limit
    quota = f"{seen.limit} in {seen.window:g} s, {seen.windows} windows"
    heads = "caller", "offered", "admitted", "refused", "p50 wait", "p99 wait"
    lines = [
        f"one quota: {quota}; a pacing gap is {gap * 1000:.0f} ms",
        "{:10}{:>9}{:>10}{:>9}{:>10}{:>10}".format(*heads),
    ]
    for name, got in seen.got.items():
        lines.append(
            f"{name:10}{got.offered:9}{len(got.admitted):10}{got.refused:9}"
            f"{got.wait(0.5) * 1000:7.0f} ms{got.wait(0.99) * 1000:7.0f} ms"
        )
    lines.append(f"429 of Dinie's: {seen.rejected}; quota used: {seen.used:.1%}")
    return lines


def _is_fair(seen: Flood) -> bool:
    gap = seen.window / seen.limit
    calm = [got for name, got in seen.got.items() if name != "flood"]
    return (
        seen.rejected == 0
        and seen.used >= _USED
        and all(got.refused == 0 and got.wait(0.99) <= gap for got in calm)
    )


def _storm_table(storms: list[Storm]) -> list[str]:
    lines = [
        "a minute without Dinie, at 20 requests/s (made-up time)",
        f"{'how':10}{'calls during it':>17}{'95 % again after':>18}{'longest':>10}",
    ]
    lines += [
        f"{one.kind:10}{one.share:16.1%} {one.back_after:15.0f} s {one.longest:7.1f} s"
        for one in storms
    ]
    return lines


def _retries() -> tuple[list[str], bool]:
    """Ask with the official SDK, without and with its retries."""
    lines, damped = ["the official SDK, without and with retries of its own"], True
    for ailing in _AILING:
        alone = asyncio.run(nested(ailing=ailing, max_retries=0))
        both = asyncio.run(nested(ailing=ailing, max_retries=2))
        damped &= both <= _MORE * alone
        lines.append(
            f"{ailing:.0%} of the calls fail: Dinie was asked {alone} and {both} "
            f"times, {both / alone:.2f} times as often"
        )
    return lines, damped


def main() -> int:
    """Run all; return 0 if all is as it should be."""
    parser = argparse.ArgumentParser(prog="make experiment", description=__doc__)
    parser.add_argument("--window", type=float, default=20.0, help="s")
    parser.add_argument("--limit", type=int, default=200, help="requests per window")
    parser.add_argument("--windows", type=int, default=3)
    parser.add_argument("--out", type=Path, default=_IMAGES, help="folder of charts")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    seen = asyncio.run(
        flood(limit=given.limit, window=given.window, windows=given.windows)
    )
    late = asyncio.run(overdue(count=_REQUESTS, rate=_RATE))
    retries, damped = _retries()
    storms = [storm("errors"), storm("refused"), storm("hangs")]
    draw_flood(seen, given.out / "fair-shares.png")
    draw_storm(storms, given.out / "storm.png")
    fair = _is_fair(seen)
    calm = all(one.share <= _SHARE and one.back_after <= _BACK for one in storms)
    said = [*_flood_table(seen), "", *_storm_table(storms), "", *retries, ""]
    said.append(
        f"{len(late)} requests at {_RATE:g}/s on a Dinie that hangs: "
        f"the latest answer came {late[-1] * 1000:.0f} ms after its deadline"
    )
    timely = late[-1] <= _LATE
    yes = {True: "yes", False: "NO"}
    said.append(
        f"fair: {yes[fair]}; weathered: {yes[calm]}; damped: {yes[damped]}; "
        f"in time: {yes[timely]}"
    )
    sys.stdout.write("\n".join([*said, f"charts: {given.out.name}/*.png", ""]))
    return 0 if fair and calm and damped and timely else 1


if __name__ == "__main__":
    sys.exit(main())
