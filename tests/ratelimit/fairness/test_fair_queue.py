"""FairQueue: turns by weight, order within a caller."""

import random
from collections import Counter

import pytest

from gateway.ratelimit.fairness.fair_queue import FairQueue


def served(queue: FairQueue[str], count: int) -> list[str]:
    """Return who went, one after another."""
    went = []
    for _ in range(count):
        turn = queue.head()
        assert turn is not None
        went.append(queue.pop(turn[0]))
    return went


def test_each_caller_is_served_in_its_order() -> None:
    """And one after another among callers."""
    queue: FairQueue[str] = FairQueue()
    for name in ("a1", "a2", "a3", "b1", "b2"):
        queue.push(name[0], name)

    assert served(queue, 5) == ["a1", "b1", "a2", "b2", "a3"]
    assert (len(queue), queue.head()) == (0, None)


@pytest.mark.parametrize(
    ("weights", "went"),
    [
        ({}, {"a": 50, "b": 50}),
        ({"a": 3.0}, {"a": 75, "b": 25}),
        ({"a": 0.25}, {"a": 20, "b": 80}),
        ({"a": 1.5, "b": 1.0}, {"a": 60, "b": 40}),
    ],
)
def test_turns_follow_weights(weights: dict[str, float], went: dict[str, int]) -> None:
    """Over a hundred goes."""
    queue: FairQueue[str] = FairQueue(weights)
    for _ in range(100):
        queue.push("a", "a")
        queue.push("b", "b")

    assert Counter(served(queue, 100)) == pytest.approx(went, abs=1)


def test_a_late_comer_has_its_turn_next() -> None:
    """Whatever queue a flood has built up."""
    queue: FairQueue[str] = FairQueue()
    for number in range(500):
        queue.push("flood", f"f{number}")
    served(queue, 3)
    queue.push("calm", "c")

    assert "c" in served(queue, 2)


def test_who_is_passed_over_keeps_its_turn() -> None:
    """It had no room just then."""
    queue: FairQueue[str] = FairQueue()
    for name in ("a1", "a2", "b1", "b2"):
        queue.push(name[0], name)

    turn = queue.head(passed={"a"})
    assert turn == ("b", "b1")
    queue.pop("b")

    assert queue.head(passed={"a", "b"}) is None
    assert served(queue, 1) == ["a1"]


def test_who_leaves_is_gone() -> None:
    """A caller hung up."""
    queue: FairQueue[str] = FairQueue()
    queue.push("a", "a1")
    queue.push("a", "a2")

    assert queue.remove("a", "a1")
    assert not queue.remove("a", "a1")
    assert not queue.remove("x", "a2")
    assert (list(queue), queue.of("a"), queue.of("x")) == (["a2"], 1, 0)
    assert queue.remove("a", "a2")
    assert queue.head() is None


@pytest.mark.parametrize("seed", range(20))
def test_nobody_is_lost_or_served_twice(seed: int) -> None:
    """Whatever comes, goes and is passed over."""
    dice = random.Random(seed)
    queue: FairQueue[str] = FairQueue({"a": 2.0, "b": 0.5})
    there: set[str] = set()
    for number in range(400):
        name = dice.choice("abcd")
        action = dice.random()
        if action < 0.5:
            queue.push(name, f"{name}{number}")
            there.add(f"{name}{number}")
        elif action < 0.7 and there:
            gone = dice.choice(sorted(there))
            assert queue.remove(gone[0], gone)
            there.remove(gone)
        elif turn := queue.head(passed=dice.sample("abcd", dice.randint(0, 3))):
            assert queue.pop(turn[0]) == turn[1]
            there.remove(turn[1])
        assert set(queue) == there
        assert len(queue) == len(there)
