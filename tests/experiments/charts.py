"""Draws what the experiments saw."""

from collections import Counter
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt

from tests.experiments.flood import Flood
from tests.experiments.storm import AFTER, BEFORE, OUTAGE, RATE, Storm

_SIZE = (9.0, 4.2)  # inches
_BINS = 60


def draw_flood(seen: Flood, path: Path) -> None:
    """Draw admissions over time, for each caller."""
    figure, axes = plt.subplots(figsize=_SIZE, layout="constrained")
    length = seen.window * seen.windows
    for name, got in seen.got.items():
        axes.hist(
            got.admitted,
            bins=_BINS,
            range=(0, length),
            histtype="step",
            linewidth=1.6,
            label=f"{name} (offers {got.offered / length:.0f}/s)",
        )
    for window in range(1, seen.windows):
        axes.axvline(window * seen.window, color="0.7", linestyle=":")
    axes.set_xlabel("s; dotted: a window begins")
    axes.set_ylabel(f"admitted in {length / _BINS:g} s")
    axes.set_title(f"One quota of {seen.limit} in {seen.window:g} s, three callers")
    axes.legend(loc="upper right")
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_storm(storms: list[Storm], path: Path) -> None:
    """Draw calls to Dinie and answers to callers over an outage."""
    figure, both = plt.subplots(
        1, 2, figsize=_SIZE, sharex=True, sharey=True, layout="constrained"
    )
    for axes, title in zip(
        both, ("calls to Dinie", "answered to callers"), strict=True
    ):
        for seen in storms:
            moments = seen.calls if title.startswith("calls") else seen.served
            counts = Counter(int(moment) for moment in moments)
            seconds = range(int(BEFORE + OUTAGE + AFTER))
            axes.plot(seconds, [counts[one] for one in seconds], label=seen.kind)
        axes.axvspan(BEFORE, BEFORE + OUTAGE, color="0.92")
        axes.axhline(RATE, color="0.7", linestyle=":")
        axes.set_title(f"{title}, per s")
        axes.set_xlabel("s; grey: Dinie fails")
    both[0].legend(loc="upper center")
    figure.savefig(path, dpi=110)
    plt.close(figure)
