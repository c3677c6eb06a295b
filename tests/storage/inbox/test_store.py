"""The inbox in SQLite: each id once, each delivery leased to one, nothing forgotten."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.inbox.ports import Settlement, StoreUnavailable
from gateway.storage.database.database import Database
from tests.fakes import FakeClock
from tests.inbox.scene import BODY, Inbox, arrival, opened


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    async with opened(tmp_path / "gateway.db") as inbox:
        yield inbox


def settled(
    outcome: str, *, seq: int = 1, tries: int = 1, wait: float = 5.0
) -> Settlement:
    return Settlement(seq, "a", outcome, tries, wait, 500, "")  # type: ignore[arg-type]


async def claimed(inbox: Inbox, subscriber: str = "a") -> list[int]:
    found = await inbox.store.claim(subscriber, most=10, ordered=False)
    return [one.seq for one in found]


async def test_an_id_is_new_once(inbox: Inbox) -> None:
    """Also when both come in the same commit."""
    results = await asyncio.gather(
        *(inbox.store.add(arrival("evt_1"), ["a"]) for _ in range(5)),
        inbox.store.add(arrival("evt_1", body=b"{}"), ["a"]),
    )

    assert sorted(one.result for one in results) == [
        "accepted",
        "conflict",
        *["duplicate"] * 4,
    ]
    assert await inbox.states() == {"evt_1 a": "pending"}


async def test_ids_of_another_environment_are_others(inbox: Inbox) -> None:
    """One file may be used for both, one after the other."""
    first = await inbox.store.add(arrival("evt_1"), [])
    inbox.store._scope = "sandbox", "/webhooks/dinie"
    second = await inbox.store.add(arrival("evt_1"), [])

    assert (first.result, second.result) == ("accepted", "accepted")


async def test_what_was_kept_comes_out_as_it_came(inbox: Inbox) -> None:
    """Byte for byte, with what a subscriber is told of it."""
    came = arrival(
        "evt_1", content_encoding="gzip", body=b"\x1f\x8b\x00", synthetic=True
    )
    await inbox.store.add(came, ["a"])

    (delivery,) = await inbox.store.claim("a", most=10, ordered=False)

    assert delivery.arrival == came
    assert (delivery.seq, delivery.attempts) == (1, 0)
    assert BODY.decode() not in repr(delivery)


async def test_a_lease_is_one_gateways_until_it_runs_out(inbox: Inbox) -> None:
    """Two gateways may share a file for a moment, as one follows another."""
    await inbox.store.add(arrival("evt_1"), ["a"])

    first, second = await claimed(inbox), await claimed(inbox)
    inbox.clock.advance(61)

    assert (first, second, await claimed(inbox)) == ([1], [], [1])


async def test_who_lost_the_lease_moves_nothing_but_says_what_it_delivered(
    tmp_path: Path,
) -> None:
    """A success is a success, whoever had it."""
    clock = FakeClock()
    path = tmp_path / "gateway.db"
    async with opened(path, clock) as one, opened(path, clock, "pod-2") as other:
        await one.store.add(arrival("evt_1"), ["a"])
        await claimed(one)
        clock.advance(61)
        await claimed(other)
        await one.store.settle(settled("retry", wait=9999.0))
        leased = await one.states()
        await one.store.settle(settled("delivered"))

        assert leased == {"evt_1 a": "delivering"}
        assert await other.states() == {"evt_1 a": "delivered"}


async def test_a_retry_is_due_after_its_wait_and_counts(inbox: Inbox) -> None:
    """The tries outlive a restart."""
    await inbox.store.add(arrival("evt_1"), ["a"])
    await claimed(inbox)
    await inbox.store.settle(settled("retry", tries=3))
    inbox.clock.advance(4.9)
    early = await claimed(inbox)
    inbox.clock.advance(0.2)

    (again,) = await inbox.store.claim("a", most=10, ordered=False)

    assert (early, again.attempts) == ([], 3)


async def test_a_restart_takes_back_its_own_leases_only(tmp_path: Path) -> None:
    """At once: who held them is dead."""
    clock = FakeClock()
    path = tmp_path / "gateway.db"
    async with opened(path, clock) as one, opened(path, clock, "pod-2") as other:
        for number in (1, 2):
            await one.store.add(arrival(f"evt_{number}"), ["a"])
        await one.store.claim("a", most=1, ordered=False)
        await other.store.claim("a", most=1, ordered=False)

        back = await one.store.reclaim()

        assert back == 1
        assert await one.states() == {"evt_1 a": "pending", "evt_2 a": "delivering"}


async def test_a_disk_that_hangs_is_not_waited_for(
    inbox: Inbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dinie waits five seconds; it gets its answer before."""
    monkeypatch.setattr("gateway.storage.inbox.store._WRITE_TIMEOUT", 0.02)

    async def hang(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(Database, "write", hang)

    with pytest.raises(StoreUnavailable, match="did not respond in time"):
        await inbox.store.add(arrival("evt_1"), ["a"])
