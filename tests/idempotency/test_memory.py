"""MemoryRecords: how long a record lives, and which ones make room."""

from collections.abc import Callable

import pytest

from gateway.core.clock import Instant
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Record


def at(seconds: float) -> Instant:
    return Instant(seconds, 1_790_000_000.0 + seconds)


def record(outcome: str, created: float = 0.0) -> Record:
    return Record(b"print", at(created), outcome)


def store(
    capacity: int = 3, *, on_evicted: Callable[[], None] = lambda: None
) -> MemoryRecords:
    return MemoryRecords(on_evicted=on_evicted, capacity=capacity, life=100.0)


def test_a_record_is_found_again() -> None:
    """A repeat is told from a second request."""
    records = store()
    kept = record("answered")

    records.put("k", kept, now=at(0.0))

    assert records.get("k", now=at(1.0)) is kept
    assert records.get("other", now=at(1.0)) is None


@pytest.mark.parametrize("outcome", ["answered", "unknown"])
def test_a_record_dies_with_dinie_s_memory_of_the_key(outcome: str) -> None:
    """Afterwards the key is free, as the documentation promises."""
    records = store()
    records.put("k", record(outcome), now=at(0.0))

    last = records.get("k", now=at(99.9))
    gone = records.get("k", now=at(100.0))

    assert last is not None
    assert (gone, len(records)) == (None, 0)


def test_a_clock_that_jumps_forgets_no_key() -> None:
    """A wall clock a week ahead for a minute would let a second loan through."""
    records = store()
    kept = record("answered")
    records.put("k", kept, now=at(0.0))

    found = records.get("k", now=Instant(1.0, at(604_801.0).unix))

    assert found is kept


def test_a_request_in_flight_does_not_expire() -> None:
    """Its key is in use, however long it takes."""
    records = store()
    records.put("k", record("in_flight"), now=at(0.0))

    assert records.get("k", now=at(1000.0)) is not None


def test_a_record_lives_a_day_by_default() -> None:
    """That is how long Dinie keeps a key."""
    records = MemoryRecords(on_evicted=lambda: None)
    records.put("k", record("answered"), now=at(0.0))

    last = records.get("k", now=at(604_799.0))

    assert last is not None
    assert records.get("k", now=at(604_800.0)) is None


def test_expired_records_make_room_before_any_is_dropped() -> None:
    """Nothing that still protects somebody goes early."""
    evicted: list[int] = []
    records = store(on_evicted=lambda: evicted.append(1))
    for number in range(3):
        records.put(f"old-{number}", record("answered"), now=at(0.0))

    records.put("new", record("answered", 200.0), now=at(200.0))

    assert (len(records), evicted) == (1, [])


def test_a_full_store_drops_the_oldest_answered_one_and_counts_it() -> None:
    """Memory is bounded, and the metric says that the bound was met."""
    evicted: list[int] = []
    records = store(on_evicted=lambda: evicted.append(1))
    for key in ("a", "b", "c"):
        records.put(key, record("answered"), now=at(0.0))

    records.put("d", record("answered"), now=at(1.0))

    left = [key for key in "abcd" if records.get(key, now=at(1.0)) is not None]
    assert (left, evicted) == (["b", "c", "d"], [1])


@pytest.mark.parametrize("outcome", ["in_flight", "unknown"])
def test_what_may_have_taken_effect_is_never_dropped(outcome: str) -> None:
    """Dropping it would let a second loan through."""
    evicted: list[int] = []
    records = store(on_evicted=lambda: evicted.append(1))
    records.put("risky", record(outcome), now=at(0.0))
    records.put("b", record("answered"), now=at(0.0))
    records.put("c", record(outcome), now=at(0.0))

    records.put("d", record("answered"), now=at(1.0))

    left = [k for k in ("risky", "b", "c", "d") if records.get(k, now=at(1.0))]
    assert (left, evicted) == (["risky", "c", "d"], [1])


def test_a_store_full_of_open_calls_grows_rather_than_forgets() -> None:
    """The bound gives way before a loan is doubled."""
    evicted: list[int] = []
    records = store(on_evicted=lambda: evicted.append(1))
    for number in range(5):
        records.put(f"k{number}", record("unknown"), now=at(0.0))

    assert (len(records), evicted) == (5, [])


def test_open_calls_at_the_front_do_not_lift_the_bound() -> None:
    """One bad minute with Dinie must not cost memory for a day."""
    evicted: list[int] = []
    records = store(100, on_evicted=lambda: evicted.append(1))
    for number in range(90):
        records.put(f"risky-{number}", record("unknown"), now=at(0.0))

    for number in range(1000):
        records.put(f"k{number}", record("answered"), now=at(1.0))

    risky = [records.get(f"risky-{number}", now=at(1.0)) for number in range(90)]
    assert all(risky)
    assert (len(records), len(evicted)) == (100, 990)


def test_a_store_that_grew_shrinks_again() -> None:
    """Once the calls are answered, the bound holds as before."""
    records = store()
    grown = [record("unknown") for _ in range(10)]
    for number, one in enumerate(grown):
        records.put(f"k{number}", one, now=at(0.0))
    for one in grown:
        one.outcome = "answered"

    records.put("new", record("answered"), now=at(1.0))

    assert len(records) == 3


def test_a_record_put_again_drops_no_other() -> None:
    """A repeat takes no room of its own."""
    evicted: list[int] = []
    records = store(on_evicted=lambda: evicted.append(1))
    for key in ("a", "b", "c", "b"):
        records.put(key, record("answered"), now=at(0.0))

    assert (len(records), evicted) == (3, [])


def test_a_forgotten_key_is_free() -> None:
    """A request that was never sent leaves nothing behind."""
    records = store()
    records.put("k", record("in_flight"), now=at(0.0))

    records.forget("k")
    records.forget("never-there")

    assert records.get("k", now=at(0.0)) is None
