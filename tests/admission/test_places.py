"""Places: whatever callers want, one that holds none finds a place."""

from itertools import cycle

import pytest

from gateway.admission.places import Places, Presence
from gateway.core.lanes import Lane


def names(count: int) -> list[str]:
    return [f"caller-{number}" for number in range(count)]


def take(places: Places, caller: str, lane: int = Lane.NORMAL) -> bool:
    if places.full(lane) or places.over(caller, lane):
        return False
    places.take(caller, lane)
    return True


@pytest.mark.parametrize("size", [4, 8, 64, 328])
@pytest.mark.parametrize("greedy", [1, 2, 5])
def test_a_caller_that_holds_none_finds_a_place(size: int, greedy: int) -> None:
    """Whoever fills the gateway, the next one is served."""
    callers = names(greedy + 1)
    places = Places(size, presence=Presence(callers))
    refused = 0
    for caller in cycle(callers[:-1]):
        refused = 0 if take(places, caller) else refused + 1
        if refused > greedy:
            break

    room = places.free - size // 16
    assert room >= 1 or size < 3 * greedy + 1
    assert take(places, callers[-1]) or size < 3 * greedy + 1


def test_a_caller_alone_may_have_all_but_the_sixteenth_of_money() -> None:
    """Nothing is kept for somebody who is not there."""
    places = Places(64, presence=Presence(("a",)))

    taken = sum(take(places, "a") for _ in range(100))

    assert taken == 60


def test_a_caller_that_was_seen_lately_is_somebody_else() -> None:
    """It may come again in a moment; after a minute it is forgotten."""
    now = 100.0
    presence = Presence((), lambda: now)
    presence.seen = {"a": now, "b": now}
    during = presence.alone("a")
    now += 61.0

    assert (during, presence.alone("a")) == (False, True)


def test_a_single_place_is_for_whoever_comes() -> None:
    """A share of one place is that place."""
    places = Places(1, presence=Presence(("a", "b")))

    assert take(places, "a")
    assert not take(places, "b")
    places.give("a", Lane.NORMAL)
    assert take(places, "b")


def test_a_heavier_caller_holds_more() -> None:
    """Weights mean here what they mean to the quota."""
    callers = {"heavy": 4.0, "light": 1.0}
    held = {}
    for name in callers:
        places = Places(64, presence=Presence(callers), weights=callers)
        held[name] = sum(take(places, name) for _ in range(64))

    assert held == {"heavy": 45, "light": 30}


def test_lanes_are_counted_apart() -> None:
    """A caller's batch work takes nothing of its own interactive share."""
    places = Places(64, presence=Presence(("a", "b")))
    batch = sum(take(places, "a", Lane.BATCH) for _ in range(64))

    normal = sum(take(places, "a") for _ in range(64))

    assert (batch, normal) == (36, 18)
    for _ in range(batch):
        places.give("a", Lane.BATCH)
    assert places.load("a", Lane.BATCH) == 0
    assert places.free == 64 - normal
