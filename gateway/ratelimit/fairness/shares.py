"""Divides a window among callers. Pure.

Moments are monotonic, s.

Each caller has its share of the window by weight, as far as it is likely to need it.
What it is unlikely to need passes to the others, and more of it towards the end of the
window. A caller whose whole need fits its share goes at once. One that wants more is
paced, and leaves the shares of the others alone.

Sources: `docs/adr/0012-fair-shares.md`; max-min fairness by filling (Bertsekas and
Gallager, Data Networks, 6.5.2).
"""

from collections.abc import Mapping
from math import sqrt

_MEMORY = 0.25  # of a window; the weight of the last window's rate in this one
_DEVIATIONS = 2.0  # kept for arrivals above the mean
_AHEAD = 0.8  # of its share that a caller may use at once
_SOONEST = 0.01  # s between two divisions


class _Caller:
    """One caller's part of this window."""

    __slots__ = (
        "arrived",
        "due",
        "fair",
        "likely",
        "rate",
        "share",
        "unused",
        "used",
        "waiting",
        "weight",
    )

    def __init__(self, weight: float, rate: float | None) -> None:
        """Start a window; `rate` is that of the one before, None where unknown."""
        self.weight = weight
        self.rate = rate  # requests/s in the window before; None: unknown
        self.arrived = 0  # attempts that asked for a place in this window
        self.used = 0  # places taken in this window
        self.waiting = 0
        self.unused = 0.0  # places of its share that it has not taken
        self.fair = 0.0  # places that its weight gives it, whatever others need
        self.due = 0.0  # places that it may have used by now, however many it wants
        self.likely = 0.0  # places that it will probably use until the window ends
        self.share = 0.0  # places that it may use


class Shares:
    """What callers asked for and took, and what is left to each."""

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        """Start an unused window; callers without a weight have 1."""
        # The first window expects configured callers to use all of their share.
        self._callers = {
            name: _Caller(weight, None) for name, weight in (weights or {}).items()
        }
        self._configured = frozenset(self._callers)
        self.crowded = len(self._callers) > 1
        self._opened_at = -1.0
        self._divided_at = -1.0
        self._unused = 0.0

    def arrived(self, caller: str) -> None:
        """Count an attempt that asks for a place."""
        one = self._callers.get(caller)
        if one is None:
            one = self._callers[caller] = _Caller(1.0, 0.0)
            self.crowded = len(self._callers) > 1
            self._divided_at = -1.0  # divide anew at once
        one.arrived += 1
        one.waiting += 1

    def took(self, caller: str) -> None:
        """Count the place of an attempt that asked."""
        one = self._callers.get(caller)
        if one is not None:
            one.used += 1
            one.waiting -= 1
            one.unused = max(0.0, one.unused - 1)
            self._divided_at = -1.0

    def gave_up(self, caller: str) -> None:
        """Count an attempt that waits no longer, and has no place."""
        one = self._callers.get(caller)
        if one is not None:
            one.waiting -= 1

    def gave_back(self, caller: str) -> None:
        """Count a place that was not used."""
        one = self._callers.get(caller)
        if one is not None:
            one.used = max(0, one.used - 1)

    def opened(self, now: float) -> None:
        """Begin a window; callers that did not ask in the last one are dropped."""
        elapsed = max(1.0, now - self._opened_at)
        for name, one in list(self._callers.items()):
            if self._opened_at >= 0.0:
                one.rate = one.arrived / elapsed
            if not one.arrived and not one.waiting and name not in self._configured:
                del self._callers[name]
            one.arrived, one.used = one.waiting, 0
        self.crowded = len(self._callers) > 1
        self._opened_at = now
        self._divided_at = -1.0

    def left_to_others(
        self, caller: str, now: float, *, places: float, left: float, length: float
    ) -> float:
        """Return how many places are left to the other callers.

        Args:
            caller: That asks.
            now: s.
            places: Of the whole window, without the reserve.
            left: s of the window.
            length: s of the window.
        """
        if now - self._divided_at >= _SOONEST or now < self._divided_at:
            self._divide(now, places, left, max(length, 1.0))
        one = self._callers.get(caller)
        return max(0.0, self._unused - (one.unused if one is not None else 0.0))

    @property
    def used(self) -> int:
        """Places that were taken in this window."""
        return sum(one.used for one in self._callers.values())

    def keeps_to_share(self, caller: str) -> bool:
        """Return whether a caller keeps to its share, as last divided."""
        one = self._callers.get(caller)
        if one is None:
            return False
        return one.likely <= one.share or one.used < one.due

    def kept_to_share(self, caller: str, length: float) -> bool:
        """Return whether it asked for no more than its share in the window before."""
        one = self._callers.get(caller)
        if one is None or one.rate is None or not self.crowded:
            return False
        return one.rate * length <= one.fair

    def entitled(
        self, caller: str, now: float, *, places: float, length: float
    ) -> float:
        """Return how many places of a whole window a caller gets that wants all.

        Args:
            caller: That asks.
            now: s.
            places: Of the window, without the reserve.
            length: s of the window.
        """
        rates = self._rates(now, places, length)
        needs = {}
        for name, one in self._callers.items():
            coming = rates[name] * length
            needs[name] = max(one.arrived, coming + _DEVIATIONS * sqrt(coming))
        weights = {name: one.weight for name, one in self._callers.items()}
        needs[caller] = places
        weights.setdefault(caller, 1.0)
        return filled(needs, weights, places)[caller]

    def _rates(self, now: float, places: float, length: float) -> dict[str, float]:
        """Return how often each caller is likely to ask, requests/s."""
        elapsed = max(0.0, now - self._opened_at)
        memory = _MEMORY * length
        total = sum(one.weight for one in self._callers.values()) or 1.0
        rates = {}
        for name, one in self._callers.items():
            before = one.rate or 0.0
            if name in self._configured:
                # It may have been quiet: the first caller after a night takes no more.
                before = max(before, places * one.weight / total / length)
            rates[name] = (before * memory + one.arrived) / (memory + elapsed)
        return rates

    def _divide(self, now: float, places: float, left: float, length: float) -> None:
        elapsed = max(0.0, now - self._opened_at)
        left = max(0.0, left)
        total = sum(one.weight for one in self._callers.values()) or 1.0
        needs = {}
        rates = self._rates(now, places, length)
        for name, one in self._callers.items():
            coming = rates[name] * left
            one.likely = one.used + one.waiting + coming
            needs[name] = one.likely + _DEVIATIONS * sqrt(coming)
        weights = {name: one.weight for name, one in self._callers.items()}
        shares = filled(needs, weights, places)
        self._unused = 0.0
        for name, one in self._callers.items():
            one.share = shares[name]
            one.unused = max(0.0, one.share - one.used)
            one.fair = places * one.weight / total
            # It uses its share no faster than time passes, or is not far ahead.
            part = max(_AHEAD, elapsed / length)
            one.due = min(one.share, one.fair) * min(1.0, part)
            self._unused += one.unused
        self._divided_at = now


def filled(
    needs: Mapping[str, float], weights: Mapping[str, float], places: float
) -> dict[str, float]:
    """Divide places by weight, so that no caller gets more than it needs.

    Args:
        needs: Places, by caller.
        weights: By caller.
        places: To be divided.
    """
    shares: dict[str, float] = {}
    open_ = sorted(needs, key=lambda name: needs[name] / weights[name])
    left, weight = places, sum(weights[name] for name in open_)
    for name in open_:
        fair = max(0.0, left) * weights[name] / weight if weight > 0 else 0.0
        shares[name] = min(needs[name], fair)
        left -= shares[name]
        weight -= weights[name]
    return shares
