"""How values look in each generation, and steps at the end of a life."""

from typing import Any

import pytest

from gateway.simulator.ids import Ids
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.world import World, installment
from tests.fakes import FakeClock


@pytest.mark.parametrize(
    ("profile", "money", "moment"),
    [("docs", "10.50", "2026-09-21T14:13:20Z"), ("sdk", 10.5, 1790000000)],
)
def test_amounts_and_moments_look_as_the_generation_has_them(
    profile: Any, money: Any, moment: Any
) -> None:
    """Strings in the documentation, numbers in the SDKs."""
    world = World(SimulatorOptions(profile=profile), FakeClock(), Ids(1))

    assert (world.money(10.5), world.now()) == (money, moment)
    assert world.day(30) == "2026-10-21"


def test_an_installment_is_an_annuity() -> None:
    """At 3.5 % a month, the textbook's number."""
    assert installment(10_000.0, 4) == 2722.51
