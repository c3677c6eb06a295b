"""Ledger: what may still be promised."""

from math import inf

from gateway.core.lanes import Lane
from gateway.ratelimit.window_usage import Ledger, Permit


def taken(ledger: Ledger, now: float = 0.0, lane: Lane = Lane.NORMAL) -> Permit:
    permit = Permit(lane)
    ledger.take(permit, now)
    return permit


def test_attempts_in_flight_are_owed_until_they_end() -> None:
    """They may have been counted after the answer that we go by."""
    ledger = Ledger()
    ledger.open(10)

    first, _ = taken(ledger), taken(ledger, lane=Lane.BATCH)
    ledger.end(first)

    assert (ledger.in_flight, ledger.owed, ledger.batch, ledger.lowest_remaining) == (
        1,
        1,
        1,
        10,
    )


def test_the_smallest_remaining_stands() -> None:
    """Answers overtake each other; a late one gives nothing back."""
    ledger = Ledger()
    ledger.open(10)

    for remaining in (7, 9, 8):
        ledger.record_remaining(remaining, taken(ledger), 1.0)

    assert ledger.lowest_remaining == 7


def test_a_ghost_that_nobody_spoke_of_is_taken_for_counted() -> None:
    """After 30 s without news the place is gone rather than free."""
    ledger = Ledger()
    ledger.open(10)
    ledger.count_unanswered(1.0)

    ledger.settle(31.0, 100)

    assert (ledger.lowest_remaining, ledger.owed, ledger.moving) == (9, 0, False)


def test_a_ghost_goes_free_once_a_later_answer_was_heard() -> None:
    """If it was counted, that answer said so."""
    ledger = Ledger()
    ledger.open(10)
    ledger.count_unanswered(1.0)
    permit = taken(ledger, 2.0)
    ledger.end(permit)
    ledger.record_remaining(8, permit, 2.5)

    before = ledger.owed
    ledger.settle(31.0, 100)

    assert (before, ledger.lowest_remaining, ledger.owed) == (1, 8, 0)


def test_an_answer_without_headers_counts_until_a_later_attempt_is_answered() -> None:
    """Its place is missing from `low` until then."""
    ledger = Ledger()
    ledger.open(10)
    early = taken(ledger, 0.5)
    ledger.count_headerless(1.0)

    ledger.record_remaining(9, early, 1.5)
    between = ledger.owed
    late = taken(ledger, 1.1)
    ledger.record_remaining(7, late, 2.0)

    assert (between, ledger.owed) == (2, 2)


def test_a_new_window_forgets_ghosts_and_keeps_who_is_in_flight() -> None:
    """An attempt of the old window may be counted in the new one."""
    ledger = Ledger()
    ledger.open(10)
    permit = taken(ledger)
    ledger.count_unanswered(1.0)
    ledger.count_headerless(1.0)

    ledger.open(99)
    opened = (ledger.owed, ledger.late)
    ledger.end(permit)

    assert opened == (1, 1)
    assert (ledger.owed, ledger.late, ledger.in_flight) == (0, 0, 0)


def test_places_slide_back_one_length_after_their_answer() -> None:
    """An exact upper bound of when the server frees them."""
    ledger = Ledger()
    ledger.open(0)
    ledger.record_remaining(0, taken(ledger, 1.0), 1.2)
    ledger.slid(Permit(), 1.2, 10.0)

    due = ledger.next_return()
    ledger.settle(11.2, 100)

    assert (due, ledger.lowest_remaining, ledger.next_return()) == (11.2, 1, inf)


def test_a_place_that_an_answer_gave_back_is_not_given_twice() -> None:
    """The server's own word came after the place had slid out."""
    ledger = Ledger()
    ledger.open(0)
    early = taken(ledger, 1.0)
    ledger.slid(early, 1.2, 10.0)
    ledger.record_remaining(0, taken(ledger, 10.9), 11.1)

    ledger.settle(11.2, 100)

    assert ledger.lowest_remaining == 0
