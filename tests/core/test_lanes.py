"""The lane of a request: what moves money goes first."""

from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.core.lanes import Lane, lane_of
from tests.exchanges import new_exchange


def exchange(method: str = "GET", target: str = "/banks", **known: Any) -> Exchange:
    return new_exchange("id", method, target, 0.0, **known)


@pytest.mark.parametrize(
    ("made", "lane"),
    [
        (exchange("POST", route="/loans"), Lane.PRIORITY),
        (exchange("POST", route="/loans", interactive=False), Lane.PRIORITY),
        (exchange("GET", route="/loans"), Lane.NORMAL),
        (exchange("POST", route="/customers"), Lane.NORMAL),
        (exchange("GET", interactive=False), Lane.BATCH),
        (exchange("GET", interactive=False, background=True), Lane.BACKGROUND),
    ],
)
def test_money_goes_first_and_batch_work_last(made: Exchange, lane: Lane) -> None:
    """Whatever a caller says of its own loans."""
    assert lane_of(made) is lane
