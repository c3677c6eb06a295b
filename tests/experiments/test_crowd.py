"""Fair shares on a made-up clock: what `make experiment` shows, in seconds."""

import random

import pytest

from tests.experiments.crowd import Caller, Crowd

WINDOWS = 3


def flooded(limit: int, length: float) -> list[Caller]:
    """Return two calm callers and one that floods at twenty times the quota."""
    calm = 0.2 * limit / length
    flood = Caller("flood", 20 * limit / length)
    return [Caller("calm-a", calm), Caller("calm-b", calm), flood]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("limit", "length"), [(100, 60.0), (300, 20.0)])
async def test_a_flood_takes_only_what_is_left(
    limit: int, length: float, seed: int
) -> None:
    """From the first window on: nobody calm waits, and the quota is used."""
    crowd = Crowd(flooded(limit, length), limit=limit, length=length, seed=seed)

    await crowd.play(WINDOWS)

    assert crowd.rejected == 0
    assert crowd.used(WINDOWS) >= 0.95
    for name in ("calm-a", "calm-b"):
        seen = crowd.seen[name]
        assert seen.refused == 0
        assert seen.wait(0.99) <= length / limit  # a pacing gap
    assert crowd.seen["flood"].refused > 1000


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("quiet", [19.2, 19.9, 20.0, 20.4, 27.0])
async def test_a_flood_after_a_quiet_time_takes_only_what_is_left(
    quiet: float, seed: int
) -> None:
    """Nobody was there to be counted: it must not be promised what is theirs."""
    limit, length = 200, 20.0
    callers = flooded(limit, length)
    crowd = Crowd(callers, limit=limit, length=length, seed=seed, quiet=quiet)

    await crowd.play(WINDOWS)

    assert crowd.rejected == 0
    assert crowd.used(WINDOWS) >= 0.95
    for name in ("calm-a", "calm-b"):
        seen = crowd.seen[name]
        assert seen.refused == 0
        assert seen.wait(0.99) <= length / limit


async def test_greedy_callers_share_by_weight() -> None:
    """Both want everything."""
    callers = [Caller("heavy", 30.0, weight=3.0), Caller("light", 30.0)]

    crowd = await Crowd(callers, limit=200, length=20.0, seed=1).play(WINDOWS)

    heavy, light = (len(crowd.seen[name].admitted) for name in ("heavy", "light"))
    assert crowd.rejected == 0
    assert heavy / light == pytest.approx(3.0, rel=0.15)
    assert crowd.used(WINDOWS) >= 0.93


async def test_what_nobody_needs_flows_on() -> None:
    """A single greedy caller has the whole quota, whoever else is configured."""
    callers = [Caller("greedy", 50.0), Caller("idle", 0.001), Caller("still", 0.001)]

    crowd = await Crowd(callers, limit=200, length=20.0, seed=1).play(WINDOWS)

    assert crowd.used(WINDOWS) >= 0.95


def mixed(dice: random.Random, quota: float) -> tuple[list[Caller], list[str]]:
    """Return callers of any kind beside a greedy one, and who of them is calm."""
    weights = [dice.choice([1.0, 1.0, 2.0, 4.0]) for _ in range(dice.randint(2, 5))]
    callers, calm = [], []
    for number, weight in enumerate(weights):
        fair = 0.9 * quota * weight / sum(weights)
        kind = dice.choice(["calm", "rare", "even", "greedy", "batch"])
        name = f"{kind if number else 'greedy'}-{number}"
        if not number or kind == "greedy":
            rate, patient = dice.choice([3, 20]) * quota, dice.random() < 0.5
            callers.append(Caller(name, rate, weight, patient=patient))
        elif kind == "batch":
            callers.append(Caller(name, 3 * quota, weight, priority="batch"))
        elif kind == "even":
            callers.append(Caller(name, fair, weight, patient=True))
        else:
            part = 0.02 if kind == "rare" else dice.uniform(0.2, 0.5)
            callers.append(Caller(name, part * fair, weight))
            calm.append(name)
    return callers, calm


@pytest.mark.parametrize("start", [0, 8, 16])
async def test_whoever_comes_together_calm_callers_are_served(start: int) -> None:
    """Greedy, patient, batch, rare, by weight: none of it is a calm one's business."""
    offered = refused = waited = 0
    for seed in range(start, start + 8):
        dice = random.Random(seed)
        limit, length = dice.choice([30, 100, 200]), dice.choice([10.0, 20.0])
        callers, calm = mixed(dice, limit / length)
        quiet, latency = dice.choice([0.0, 0.5, 1.02]), dice.choice([0.003, 0.1])

        crowd = Crowd(
            callers,
            limit=limit,
            length=length,
            seed=seed,
            latency=latency,
            quiet=quiet * length,
        )
        await crowd.play(WINDOWS)

        assert crowd.rejected == 0
        assert crowd.used(WINDOWS) >= 0.85
        offered += sum(crowd.seen[name].offered for name in calm)
        refused += sum(crowd.seen[name].refused for name in calm)
        waited += sum(wait > 1.0 for name in calm for wait in crowd.seen[name].waits)

    assert offered > 20
    assert refused + waited <= 0.02 * offered


async def test_batch_work_that_is_alone_has_the_whole_quota() -> None:
    """What is kept for others is not wasted where they do not come."""
    callers = [Caller("nightly", 50.0, priority="batch")]

    crowd = await Crowd(callers, limit=200, length=20.0, seed=1).play(WINDOWS)

    assert crowd.rejected == 0
    assert crowd.used(WINDOWS) >= 0.93


async def test_batch_work_keeps_nobody_waiting_and_polling_has_a_fiftieth() -> None:
    """However much of both there is."""
    limit, length = 200, 20.0
    callers = [
        Caller("web", 0.25 * limit / length),
        Caller("nightly", 5 * limit / length, priority="batch"),
        Caller("poller", limit / length, priority="background"),
    ]
    crowd = Crowd(callers, limit=limit, length=length, seed=1, configured=False)

    await crowd.play(WINDOWS)

    assert crowd.rejected == 0
    assert crowd.seen["web"].refused == 0
    assert crowd.seen["web"].wait(0.95) <= length / limit
    assert 1 < len(crowd.seen["poller"].admitted) <= 0.02 * limit * WINDOWS + 1
