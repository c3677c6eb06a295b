"""RetryBudget: retries are a share of the traffic, plus a floor."""

import pytest

from gateway.retry.budget import RetryBudget
from gateway.retry.options import RetryOptions

SHARE_ONLY = RetryOptions(budget_ratio=0.2, budget_floor=0.0, budget_burst=0.0)


def spend(budget: RetryBudget, now: float, tries: int = 100) -> int:
    return sum(budget.withdraw(now=now) for _ in range(tries))


def test_a_burst_is_there_at_once() -> None:
    """The first hiccup after a start is retried."""
    budget = RetryBudget(RetryOptions(), now=100.0)

    assert spend(budget, 100.0) == 10


def test_five_first_attempts_earn_one_retry() -> None:
    """An upstream that fails everything gets a fifth more load, not four times."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for _ in range(51):
        budget.deposit(now=100.5)

    assert spend(budget, 100.6) == 10


def test_nothing_earned_is_nothing_to_spend() -> None:
    """Empty means the last result goes to the caller."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for _ in range(4):
        budget.deposit(now=100.0)

    assert not budget.withdraw(now=100.0)


def test_credit_is_lost_after_ten_seconds() -> None:
    """A busy morning must not pay for a storm at noon."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for _ in range(50):
        budget.deposit(now=100.5)

    before, after = budget.balance(now=109.9), budget.balance(now=110.0)

    assert [before, after] == pytest.approx([10.0, 0.0])


def test_what_was_spent_is_forgotten_too() -> None:
    """The burst is there again for the next trouble."""
    budget = RetryBudget(RetryOptions(), now=100.0)
    spend(budget, 100.0)

    assert budget.balance(now=105.0) == 5.0
    assert budget.balance(now=110.0) == 10.0
    assert budget.balance(now=200.0) == 10.0


@pytest.mark.parametrize("begun", [100.0, 100.4, 1234.567])
def test_after_a_burst_one_retry_a_second_is_allowed(begun: float) -> None:
    """The floor is promised at all times, also to who comes after a burst."""
    budget = RetryBudget(RetryOptions(), now=begun)
    for _ in range(10):
        budget.deposit(now=begun)
    spend(budget, begun)

    allowed = []
    for second in range(1, 10):
        budget.deposit(now=begun + second)
        allowed.append(budget.withdraw(now=begun + second))

    assert allowed == [True] * 9


def test_without_a_floor_a_burst_comes_back_over_the_life_of_a_credit() -> None:
    """Whoever sets the floor to nothing keeps the burst."""
    options = RetryOptions(budget_ratio=0.0, budget_floor=0.0)
    budget = RetryBudget(options, now=100.0)
    spend(budget, 100.0)

    assert budget.balance(now=105.0) == 5.0
    assert budget.balance(now=110.0) == 10.0


def test_a_storm_is_paid_no_more_than_floor_share_and_burst() -> None:
    """An upstream that fails all of 100 requests a second for ten seconds."""
    budget = RetryBudget(RetryOptions(), now=100.0)
    granted = 0
    for tick in range(1000):
        now = 100.0 + tick / 100
        budget.deposit(now=now)
        granted += budget.withdraw(now=now)

    assert 210 <= granted <= 10 + 10 + 200


def test_the_floor_allows_a_few_whatever_the_load() -> None:
    """With one request a minute a share of it is nothing."""
    options = RetryOptions(budget_ratio=0.0, budget_floor=2.0, budget_burst=0.0)
    budget = RetryBudget(options, now=100.0)

    assert budget.balance(now=103.0) == 6.0
    assert budget.balance(now=1000.0) == 20.0


def test_a_long_silence_forgets_everything_at_once() -> None:
    """A night without traffic leaves neither debts nor credit."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for _ in range(50):
        budget.deposit(now=100.0)

    assert budget.balance(now=90_000.0) == 0.0


def test_a_clock_that_seems_to_step_back_loses_nothing() -> None:
    """Two readings of one moment may come in the other order."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for _ in range(10):
        budget.deposit(now=105.0)

    assert budget.balance(now=104.0) == pytest.approx(2.0)


def test_what_lacks_more_than_a_rounding_buys_nothing() -> None:
    """A price is a whole one; only the floor's fractions are rounded."""
    options = RetryOptions(budget_ratio=0.0, budget_floor=1.0, budget_burst=0.0)

    assert not RetryBudget(options, now=100.0).withdraw(now=100.999998)
    assert RetryBudget(options, now=100.0).withdraw(now=100.9999995)


@pytest.mark.parametrize("begun", [100.0, 104.0])
def test_the_oldest_credit_is_spent_first(begun: float) -> None:
    """What is about to be lost pays; what was earned lately is kept."""
    budget = RetryBudget(SHARE_ONLY, now=begun)
    for second in range(10):
        for _ in range(5):
            budget.deposit(now=begun + second)

    spent = [budget.withdraw(now=begun + 9) for _ in range(5)]

    assert all(spent)
    # The first five seconds paid: nothing is lost until the sixth is too old.
    left = [budget.balance(now=begun + later) for later in (9, 14, 15, 18, 19)]
    assert left == pytest.approx([5.0, 5.0, 4.0, 1.0, 0.0])


def test_each_second_s_credit_lives_ten_seconds() -> None:
    """A pause forgets what is too old, and nothing else."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for second in (0, 1, 9):
        for _ in range(5):
            budget.deposit(now=100.0 + second)

    left = [budget.balance(now=now) for now in (109.0, 110.0, 118.0, 119.0)]

    assert left == pytest.approx([3.0, 2.0, 1.0, 0.0])


@pytest.mark.parametrize("silence", [10.0, 11.0, 19.0, 20.0, 29.0])
def test_nothing_outlives_a_silence(silence: float) -> None:
    """The slot that a second of old used is empty when it comes round again."""
    budget = RetryBudget(SHARE_ONLY, now=100.0)
    for _ in range(5):
        budget.deposit(now=100.0)

    assert budget.balance(now=100.0 + silence) == 0.0
