"""The quotas that Dinie advertises, and which of them a route draws on. Pure.

There is one book for each limit and window that responses name, and where all of them
name the same there is one book. A route draws on the book that its last response named;
before its first response, on the book that was named most recently.

Two responses are of one book where their limits are the same and their resets are those
of one window, or of two windows that follow each other. A response that names another
reset in the middle of a window corrects it where no other route draws on that book.
"""

from collections.abc import Callable
from enum import IntEnum
from math import inf
from typing import Generic, Protocol, TypeVar

from gateway.ratelimit.headers import Advertised
from gateway.ratelimit.policy import Limiter
from gateway.ratelimit.window import Window
from gateway.ratelimit.window_usage import Permit, Route

LOOK_EVERY = 60.0  # s between two looks of a route whose quota is not known
_MOST = 8  # books; more are no quotas, but a server that makes limits up
_SAME_LENGTH = 0.5  # lengths are lower bounds for a while


class Book(Protocol):
    """One quota."""

    limiter: Limiter

    @property
    def busy(self) -> bool:
        """Whether attempts of it wait or are in flight."""


B = TypeVar("B", bound=Book)


class _Fit(IntEnum):
    """How well a response and a book agree."""

    NO = 0
    NEXT = 1  # it may be of the window after this one
    SAME = 2


class Books(Generic[B]):
    """All quotas that are known, and which route draws on which."""

    def __init__(self, make: Callable[[], B]) -> None:
        """Start with one quota of which nothing is known.

        Args:
            make: Returns a quota of which nothing is known.
        """
        self._make = make
        self._recent = make()  # named by the most recent response
        self._named: dict[Route, B] = {}  # by the last response of each route
        self._looked_at: dict[Route, float] = {}
        self.all: list[B] = [self._recent]  # the oldest first

    def of(self, route: Route) -> B:
        """Return the book that a route draws on."""
        return self._named.get(route, self._recent)

    def tightest(self, now: float) -> B:
        """Return the book in use that has the smallest part of its limit left."""
        used = {id(book): book for book in (*self._named.values(), self._recent)}
        return min(
            used.values(),
            key=lambda book: (_left(book.limiter, now), book is not self._recent),
        )

    def may_look(self, route: Route, now: float) -> bool:
        """Return whether a route may send one attempt although its book is spent.

        Its quota may be another one: no response of its own has named any.
        """
        if route in self._named or now < self._looked_at.get(route, -inf) + LOOK_EVERY:
            return False
        self._looked_at[route] = now
        return True

    def named(
        self, route: Route, drawn: B, seen: Advertised, permit: Permit, now: float
    ) -> B:
        """Return the book that a response names; its route draws on it from now on.

        Args:
            route: Of the attempt.
            drawn: The book that the attempt was taken from.
            seen: What the response advertises.
            permit: Of the attempt.
            now: s.
        """
        limiter, book = drawn.limiter, drawn
        window = limiter.window
        if (
            window is None
            or window.name != seen.window
            or limiter.limit != seen.limit
            or len(self.all) > 1
        ):
            if _is_late(limiter, seen, permit):
                return drawn  # of a window that is over: it tells nothing of today's
            self._recent = book = self._find(route, drawn, seen, permit, now)
        self._named[route] = book
        return book

    def _find(
        self, route: Route, drawn: B, seen: Advertised, permit: Permit, now: float
    ) -> B:
        window = drawn.limiter.window
        best, found = _fit(drawn.limiter, seen, permit, now), drawn
        fits_drawn = best is not _Fit.NO
        for book in self.all:  # the oldest first, so that books that agree become one
            if fits_drawn and not _alike(book.limiter, drawn.limiter):
                continue
            fit = _fit(book.limiter, seen, permit, now)
            if fit is _Fit.SAME:
                return book
            if fit > best:
                best, found = fit, book
        if best is not _Fit.NO or window is None:
            return found
        if drawn.limiter.limit == seen.limit and (
            window.may_slide(seen, now) or self._is_alone(route, drawn)
        ):
            return drawn
        return self._opened(now) or drawn

    def _is_alone(self, route: Route, book: B) -> bool:
        """Return whether no other route draws on a book."""
        return all(
            one is not book or other == route for other, one in self._named.items()
        )

    def _opened(self, now: float) -> B | None:
        """Return a new book, in the place of those that nobody needs; None: all do."""
        used = {id(book) for book in (*self._named.values(), self._recent)}
        self.all = [
            book
            for book in self.all
            if book.busy or id(book) in used or not _is_over(book.limiter, now)
        ]
        if len(self.all) >= _MOST:
            return None
        book = self._make()
        self.all.append(book)
        return book


def _is_late(limiter: Limiter, seen: Advertised, permit: Permit) -> bool:
    window = limiter.window
    return (
        window is not None
        and limiter.limit == seen.limit
        and permit.serial != limiter.ledger.serial
        and window.judge(seen, taken_at=permit.taken_at) == "older"
    )


def _fit(limiter: Limiter, seen: Advertised, permit: Permit, now: float) -> _Fit:
    window = limiter.window
    if window is None or limiter.limit != seen.limit:
        return _Fit.NO
    verdict = window.judge(seen, taken_at=permit.taken_at)
    if verdict == "same" or window.slides_to(seen, now):
        return _Fit.SAME
    if limiter.assumed or (verdict == "newer" and window.ending(now)):
        return _Fit.NEXT
    return _Fit.NO


def _alike(one: Limiter, other: Limiter) -> bool:
    """Return whether two books may be one: lengths that differ much say no."""
    if one.window is None or other.window is None or one.limit != other.limit:
        return True
    lengths = one.window.length, other.window.length
    return min(lengths) >= _SAME_LENGTH * max(lengths)


def _is_over(limiter: Limiter, now: float) -> bool:
    return limiter.window is None or now >= limiter.window.resets_at


def _left(limiter: Limiter, now: float) -> float:
    """Return the part of the limit that is left; infinite where nobody knows."""
    window: Window | None = limiter.window
    if window is None or now >= window.resets_at:
        return inf
    return limiter.ledger.lowest_remaining / limiter.limit
