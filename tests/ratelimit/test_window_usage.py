"""WindowUsage: what may still be promised."""

from math import inf

from gateway.core.lanes import Lane
from gateway.ratelimit.window_usage import Permit, WindowUsage


def taken(usage: WindowUsage, now: float = 0.0, lane: Lane = Lane.NORMAL) -> Permit:
    permit = Permit(lane)
    usage.take(permit, now)
    return permit


def test_attempts_in_flight_are_owed_until_they_end() -> None:
    """They may have been counted after the answer that we go by."""
    usage = WindowUsage()
    usage.open(10)

    first, _ = taken(usage), taken(usage, lane=Lane.BATCH)
    usage.end(first)

    assert (
        usage.in_flight,
        usage.uncounted,
        usage.batch_in_flight,
        usage.lowest_remaining,
    ) == (
        1,
        1,
        1,
        10,
    )


def test_the_smallest_remaining_stands() -> None:
    """Answers overtake each other; a late one gives nothing back."""
    usage = WindowUsage()
    usage.open(10)

    for remaining in (7, 9, 8):
        usage.record_remaining(remaining, taken(usage), 1.0)

    assert usage.lowest_remaining == 7


def test_a_ghost_that_nobody_spoke_of_is_taken_for_counted() -> None:
    """After 30 s without news the place is gone rather than free."""
    usage = WindowUsage()
    usage.open(10)
    usage.count_unanswered(1.0)

    usage.settle(31.0, 100)

    assert (usage.lowest_remaining, usage.uncounted, usage.unsettled) == (9, 0, False)


def test_a_ghost_goes_free_once_a_later_answer_was_heard() -> None:
    """If it was counted, that answer said so."""
    usage = WindowUsage()
    usage.open(10)
    usage.count_unanswered(1.0)
    permit = taken(usage, 2.0)
    usage.end(permit)
    usage.record_remaining(8, permit, 2.5)

    before = usage.uncounted
    usage.settle(31.0, 100)

    assert (before, usage.lowest_remaining, usage.uncounted) == (1, 8, 0)


def test_an_answer_without_headers_counts_until_a_later_attempt_is_answered() -> None:
    """Its place is missing from `low` until then."""
    usage = WindowUsage()
    usage.open(10)
    early = taken(usage, 0.5)
    usage.count_headerless(1.0)

    usage.record_remaining(9, early, 1.5)
    between = usage.uncounted
    late = taken(usage, 1.1)
    usage.record_remaining(7, late, 2.0)

    assert (between, usage.uncounted) == (2, 2)


def test_a_new_window_forgets_ghosts_and_keeps_who_is_in_flight() -> None:
    """An attempt of the old window may be counted in the new one."""
    usage = WindowUsage()
    usage.open(10)
    permit = taken(usage)
    usage.count_unanswered(1.0)
    usage.count_headerless(1.0)

    usage.open(99)
    opened = (usage.uncounted, usage.from_before)
    usage.end(permit)

    assert opened == (1, 1)
    assert (usage.uncounted, usage.from_before, usage.in_flight) == (0, 0, 0)


def test_places_slide_back_one_length_after_their_answer() -> None:
    """An exact upper bound of when the server frees them."""
    usage = WindowUsage()
    usage.open(0)
    usage.record_remaining(0, taken(usage, 1.0), 1.2)
    usage.expect_return(Permit(), 1.2, 10.0)

    due = usage.next_return()
    usage.settle(11.2, 100)

    assert (due, usage.lowest_remaining, usage.next_return()) == (11.2, 1, inf)


def test_a_place_that_an_answer_gave_back_is_not_given_twice() -> None:
    """The server's own word came after the place had slid out."""
    usage = WindowUsage()
    usage.open(0)
    early = taken(usage, 1.0)
    usage.expect_return(early, 1.2, 10.0)
    usage.record_remaining(0, taken(usage, 10.9), 11.1)

    usage.settle(11.2, 100)

    assert usage.lowest_remaining == 0
