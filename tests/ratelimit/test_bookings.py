"""Bookings: who was told to come back finds a place, if such callers do come."""

import pytest

from gateway.ratelimit.bookings import GRACE, Bookings


def test_a_booking_is_good_around_its_moment() -> None:
    """A little early is held; whole seconds and the way make it late."""
    held = Bookings()
    for who, moment in ((1, 10.0), (2, 10.0), (3, 10.0)):
        held.book(who, moment)

    too_early = held.redeem(1, 7.9, 2.0)
    early = held.redeem(1, 8.0, 2.0)
    late = held.redeem(2, 10.0 + GRACE, 2.0)
    too_late = held.redeem(3, 10.1 + GRACE, 2.0)

    assert (too_early, early, late, too_late) == (False, True, True, False)
    assert len(held) == 0


def test_a_booking_is_good_once_and_for_its_own() -> None:
    """Another request cannot use it."""
    held = Bookings()
    held.book(1, 10.0)

    assert not held.redeem(2, 10.0, 2.0)
    assert held.redeem(1, 10.0, 2.0)
    assert not held.redeem(1, 10.0, 2.0)


def test_requests_that_look_alike_have_a_booking_each() -> None:
    """The same GET, refused thrice."""
    held = Bookings()
    for moment in (10.0, 30.0, 20.0):
        held.book(-5, moment)

    assert held.redeem(-5, 10.0, 2.0)
    assert not held.redeem(-5, 12.0, 2.0)
    assert held.redeem(-5, 19.0, 2.0)
    assert held.count(0.0, 99.0) == 1


def test_places_are_held_as_far_as_callers_come() -> None:
    """Those who ignore Retry-After must not empty the quota for everybody."""
    held = Bookings()
    for who in range(40):
        held.book(who, 10.0)
    for who in range(100, 110):
        held.book(who, 50.0)
    believed = held.expected(9.0, 60.0)

    ignored = held.expected(20.0, 60.0)
    for who in range(100, 110):
        held.redeem(who, 50.0, 2.0)

    assert believed == 50.0
    assert ignored < 1.0
    assert held.shown == pytest.approx(0.5, abs=0.1)


def test_bookings_are_counted_by_their_moments() -> None:
    """A window has so many places."""
    held = Bookings()
    for moment in (10.0, 20.0, 20.0, 30.0):
        held.book(7, moment)

    assert (held.count(10.0, 20.0), held.count(20.0, 30.1)) == (1, 3)


def test_there_is_an_end_to_what_is_remembered() -> None:
    """A flood is told a moment all the same."""
    held = Bookings()
    for who in range(5000):
        held.book(who, 10.0 + who)

    assert len(held) == 4096
