"""Ids of the simulated Dinie."""

import re

from gateway.simulator.ids import Ids


def test_ids_have_dinie_s_form_and_repeat_under_a_seed() -> None:
    """A failing run can be run again, id for id."""
    first, again, other = Ids(1), Ids(1), Ids(2)

    given = [first.new("cust"), first.text(8)]

    assert given == [again.new("cust"), again.text(8)]
    assert given != [other.new("cust"), other.text(8)]
    assert re.fullmatch("cust_[0-9a-f]{32}", given[0])
