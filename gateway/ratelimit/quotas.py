"""Holds the quotas that Dinie advertises, and which of them a route draws on. Pure.

Each limit and window that responses name is a quota; where all responses name the same,
there is one. A route draws on the quota that its last response named; before its first
response, on the quota named most recently.

Two responses are of one quota where their limits are the same and their resets are of
one window, or of two windows in succession. A response that names another reset in the
middle of a window corrects it where no other route draws on that quota.

Source: `docs/adr/0004-holding-on-quota.md`.
"""

from collections.abc import Callable
from enum import IntEnum
from math import inf
from typing import Generic, Protocol, TypeVar

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window import Window
from gateway.ratelimit.window_usage import Permit, Route

EXPLORE_EVERY = 60.0  # s between attempts of a route to find out its quota
_MOST = 8  # quotas; with more, the server is making limits up
_SAME_LENGTH = 0.5  # lengths are lower bounds for a while


class PermitSource(Protocol):
    """Gives the permits of one quota; implemented by `Permits`, which is not pure."""

    limiter: Limiter

    @property
    def busy(self) -> bool:
        """Whether attempts wait or are in flight."""


B = TypeVar("B", bound=PermitSource)


class _Fit(IntEnum):
    """How well a response fits a quota."""

    NO = 0
    NEXT = 1  # it may be of the quota's next window
    SAME = 2


class Quotas(Generic[B]):
    """The quotas that are known, and which route draws on which."""

    def __init__(self, make: Callable[[], B]) -> None:
        """Start with one quota of which nothing is known.

        Args:
            make: Returns such a quota.
        """
        self._make = make
        self._recent = make()  # named by the most recent response
        self._named: dict[Route, B] = {}  # by the last response of each route
        self._explored_at: dict[Route, float] = {}
        self.all: list[B] = [self._recent]  # the oldest first

    def of(self, route: Route) -> B:
        """Return the quota that a route draws on."""
        return self._named.get(route, self._recent)

    def tightest(self, now: float) -> B:
        """Return the quota in use that has the smallest part of its limit left."""
        used = {id(quota): quota for quota in (*self._named.values(), self._recent)}
        return min(
            used.values(),
            key=lambda quota: (_left(quota.limiter, now), quota is not self._recent),
        )

    def may_explore(self, route: Route, now: float) -> bool:
        """Return whether a route may send one attempt although its quota is spent.

        Its own quota may be another one, since no response of it has named any. A
        `True` counts as that attempt.
        """
        if (
            route in self._named
            or now < self._explored_at.get(route, -inf) + EXPLORE_EVERY
        ):
            return False
        self._explored_at[route] = now
        return True

    def named(
        self, route: Route, drawn: B, seen: Advertised, permit: Permit, now: float
    ) -> B:
        """Return the quota that a response names; its route draws on it from now on.

        Args:
            route: Of the attempt.
            drawn: The quota from which the attempt took its place.
            seen: What the response advertises.
            permit: Of the attempt.
            now: s.
        """
        limiter, quota = drawn.limiter, drawn
        window = limiter.window
        if (
            window is None
            or window.reset_unix != seen.reset_unix
            or limiter.limit != seen.limit
            or len(self.all) > 1
        ):
            if _is_late(limiter, seen, permit):
                return drawn  # of a window that is over: it says nothing of the present
            self._recent = quota = self._find(route, drawn, seen, permit, now)
        self._named[route] = quota
        return quota

    def _find(
        self, route: Route, drawn: B, seen: Advertised, permit: Permit, now: float
    ) -> B:
        window = drawn.limiter.window
        best, found = _fit(drawn.limiter, seen, permit, now), drawn
        fits_drawn = best is not _Fit.NO
        for quota in self.all:  # the oldest first: two quotas that agree become one
            if fits_drawn and not _alike(quota.limiter, drawn.limiter):
                continue
            fit = _fit(quota.limiter, seen, permit, now)
            if fit is _Fit.SAME:
                return quota
            if fit > best:
                best, found = fit, quota
        if best is not _Fit.NO or window is None:
            return found
        if drawn.limiter.limit == seen.limit and (
            window.may_slide(seen, now) or self._is_alone(route, drawn)
        ):
            return drawn
        return self._opened(now) or drawn

    def _is_alone(self, route: Route, quota: B) -> bool:
        """Return whether no other route draws on a quota."""
        return all(
            one is not quota or other == route for other, one in self._named.items()
        )

    def _opened(self, now: float) -> B | None:
        """Return a new quota, and drop unused ones; None: all `_MOST` are in use."""
        used = {id(quota) for quota in (*self._named.values(), self._recent)}
        self.all = [
            quota
            for quota in self.all
            if quota.busy or id(quota) in used or not _is_over(quota.limiter, now)
        ]
        if len(self.all) >= _MOST:
            return None
        quota = self._make()
        self.all.append(quota)
        return quota


def _is_late(limiter: Limiter, seen: Advertised, permit: Permit) -> bool:
    window = limiter.window
    return (
        window is not None
        and limiter.limit == seen.limit
        and permit.serial != limiter.usage.serial
        and window.compare(seen, taken_at=permit.taken_at) == "older"
    )


def _fit(limiter: Limiter, seen: Advertised, permit: Permit, now: float) -> _Fit:
    window = limiter.window
    if window is None or limiter.limit != seen.limit:
        return _Fit.NO
    verdict = window.compare(seen, taken_at=permit.taken_at)
    if verdict == "same" or window.slides_to(seen, now):
        return _Fit.SAME
    if limiter.assumed or (verdict == "newer" and window.is_ending(now)):
        return _Fit.NEXT
    return _Fit.NO


def _alike(one: Limiter, other: Limiter) -> bool:
    """Return whether two quotas may be one: of one limit, and of like lengths."""
    if one.window is None or other.window is None or one.limit != other.limit:
        return True
    lengths = one.window.length, other.window.length
    return min(lengths) >= _SAME_LENGTH * max(lengths)


def _is_over(limiter: Limiter, now: float) -> bool:
    return limiter.window is None or now >= limiter.window.resets_at


def _left(limiter: Limiter, now: float) -> float:
    """Return the part of the limit that is left; infinite where it is unknown."""
    window: Window | None = limiter.window
    if window is None or now >= window.resets_at:
        return inf
    return limiter.usage.lowest_remaining / limiter.limit
