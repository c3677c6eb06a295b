"""The operator's queries: what is there, and again."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.inbox.ports import Settlement
from gateway.inbox.replay import Selection
from tests.inbox.scene import BODY, Inbox, arrival, opened


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    """Yield an inbox with one delivered, one dead and one pending."""
    async with opened(tmp_path / "gateway.db") as inbox:
        for number, kind in (
            (1, "customer.active"),
            (2, "loan.active"),
            (3, "loan.error"),
        ):
            made = arrival(
                f"evt_{number}",
                event_type=kind,
                received=inbox.clock.unix() + number,
            )
            await inbox.store.add(made, ["a", "b"] if number == 2 else ["a"])
        for seq, outcome in ((1, "delivered"), (2, "dead")):
            done = Settlement(seq, "a", outcome, 10, 0.0, 500, "x")  # type: ignore[arg-type]
            await inbox.store.settle(done)
        yield inbox


async def listed(inbox: Inbox, **more: Any) -> list[str]:
    asked: dict[str, Any] = {
        "state": None,
        "event_type": None,
        "before": None,
        "most": 9,
    }
    return [
        one["webhook_id"] for one in await inbox.queries.listed(**{**asked, **more})
    ]


def both(event_type: str) -> list[str]:
    return ["a", "b"] if event_type.startswith("loan") else ["a"]


async def again(inbox: Inbox, selection: Selection) -> int:
    step = await inbox.queries.again(selection, both, after=None)
    while step.after is not None:
        following = await inbox.queries.again(selection, both, after=step.after)
        step = replace(following, count=step.count + following.count)
    return step.count


async def test_the_newest_come_first_and_can_be_chosen(inbox: Inbox) -> None:
    """By state, by type, and page by page."""
    assert await listed(inbox) == ["evt_3", "evt_2", "evt_1"]
    assert await listed(inbox, most=1) == ["evt_3"]
    assert await listed(inbox, before=3) == ["evt_2", "evt_1"]
    assert await listed(inbox, state="dead") == ["evt_2"]
    assert await listed(inbox, event_type="customer.active") == ["evt_1"]


async def test_a_list_shows_nothing_of_a_body(inbox: Inbox) -> None:
    """A page of them is shown to whoever is on call."""
    found = await inbox.queries.listed(state=None, event_type=None, before=None, most=9)

    assert "body" not in found[0]
    assert BODY.decode() not in str(found)
    assert found[1]["deliveries"][0] == {
        "subscriber": "a",
        "state": "dead",
        "tries": 10,
        "due": inbox.clock.unix() + 2,
        "last_status": 500,
        "last_error": "x",
        "settled": inbox.clock.unix(),
    }


async def test_one_is_shown_whole(inbox: Inbox) -> None:
    """For whoever asks for it by name."""
    one = await inbox.queries.one("evt_2")

    assert one is not None
    assert one["body"] == BODY
    assert [delivery["state"] for delivery in one["deliveries"]] == ["dead", "pending"]
    assert await inbox.queries.one("evt_9") is None


async def test_how_full_it_is(inbox: Inbox) -> None:
    """What alerts stand on."""
    counts = await inbox.queries.counts()

    assert (counts.pending, counts.delivering, counts.dead) == (2, 0, 1)
    assert await inbox.queries.events() == 3
    assert counts.oldest == inbox.clock.unix() + 2


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        pytest.param(Selection(webhook_id="evt_2"), [(2, "a"), (2, "b")], id="by-id"),
        pytest.param(
            Selection(webhook_id="evt_2", subscriber="b"), [(2, "b")], id="one-of-them"
        ),
        pytest.param(Selection(webhook_id="evt_9"), [], id="unheard-of"),
        pytest.param(Selection(dead=True), [(2, "a")], id="dead"),
        pytest.param(Selection(dead=True, since=1_790_000_003.0), [], id="dead-since"),
        pytest.param(
            Selection(since=1_790_000_002.0),
            [(2, "a"), (2, "b"), (3, "a"), (3, "b")],
            id="since",
        ),
    ],
)
async def test_what_is_to_be_made_again(
    inbox: Inbox, selection: Selection, found: list[tuple[int, str]]
) -> None:
    """By id, by time, and all that failed."""
    await inbox.database.write(lambda one: one.execute("UPDATE deliveries SET tries=9"))

    assert await again(inbox, selection) == len(found)
    made = await inbox.database.read(
        lambda one: one.execute(
            "SELECT seq, subscriber FROM deliveries WHERE tries = 0 ORDER BY 1, 2"
        ).fetchall()
    )
    assert made == found


async def test_made_again_is_due_at_once_with_all_its_tries(inbox: Inbox) -> None:
    """Also for a subscriber that had not wanted it before."""
    count = await again(inbox, Selection(since=0.0))

    assert count == 5
    inbox.clock.advance(5)
    found = await inbox.store.claim("a", most=9, ordered=False)
    assert [(one.seq, one.attempts) for one in found] == [(1, 0), (2, 0), (3, 0)]
    assert len(await inbox.store.claim("b", most=9, ordered=False)) == 2


async def test_what_is_under_way_is_left_alone(inbox: Inbox) -> None:
    """It would be brought twice at once."""
    inbox.clock.advance(5)
    await inbox.store.claim("a", most=9, ordered=False)

    assert await again(inbox, Selection(webhook_id="evt_3", subscriber="a")) == 0


async def test_enabling_says_whether_it_was_disabled(inbox: Inbox) -> None:
    """A typing error in the name must not pass for success."""
    inbox.clock.advance(5)
    await inbox.store.claim("a", most=9, ordered=False)
    await inbox.store.settle(Settlement(3, "a", "disabled", 1, 5.0, 410, ""))

    assert [await inbox.queries.enable(name) for name in ("x", "a", "a")] == [
        False,
        True,
        False,
    ]


async def test_tidying_gives_room_back(inbox: Inbox) -> None:
    """A file that only grows fills the volume."""
    for number in range(10, 200):
        await inbox.store.add(arrival(f"evt_{number}", body=b"x" * 20_000), [])
    size = inbox.database.path.stat().st_size
    inbox.clock.advance(100)

    removed = steps = 0
    while True:
        tidied = await inbox.queries.tidy(keep=1.0, now=inbox.clock.unix())
        removed, steps = removed + tidied.removed, steps + 1
        if tidied.finished:
            break
    await inbox.database.close()

    assert removed == 191
    assert steps <= 4
    assert inbox.database.path.stat().st_size < size / 2


async def test_who_is_enabled_gets_what_was_kept_now(inbox: Inbox) -> None:
    """And not after a day that it had asked for when it said 410."""
    await inbox.store.add(arrival("evt_far"), ["slow"])
    (one,) = await inbox.store.claim("slow", most=9, ordered=False)
    gone = Settlement(one.seq, "slow", "disabled", 1, 86_400.0, 410, "")
    await inbox.store.settle(gone)

    await inbox.queries.enable("slow")

    assert len(await inbox.store.claim("slow", most=9, ordered=False)) == 1


async def test_dead_letters_of_names_that_are_gone_stay_dead(inbox: Inbox) -> None:
    """Nobody would ever deliver them."""
    await inbox.store.add(arrival("evt_gone"), ["gone"])
    (one,) = await inbox.store.claim("gone", most=9, ordered=False)
    await inbox.store.settle(Settlement(one.seq, "gone", "dead", 10, 0.0, 500, ""))

    assert await again(inbox, Selection(dead=True)) == 1
    assert (await inbox.states())["evt_gone gone"] == "dead"


async def test_never_tried_ones_can_come_first(inbox: Inbox) -> None:
    """One bad delivery must not be the probe again and again."""
    await inbox.store.add(arrival("evt_bad"), ["b"])
    (bad,) = await inbox.store.claim("b", most=1, ordered=False)
    await inbox.store.settle(Settlement(bad.seq, "b", "retry", 1, 0.0, 500, ""))
    inbox.clock.advance(1)
    await inbox.store.add(arrival("evt_good", received=inbox.clock.unix()), ["b"])

    (probe,) = await inbox.store.claim("b", most=1, ordered=False, fresh=True)

    assert probe.arrival.webhook_id == "evt_good"
