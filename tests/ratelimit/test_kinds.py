"""Which lane is a request in, and is it the same as before?"""

from typing import Any

import pytest

from gateway.message import Exchange
from gateway.ratelimit.kinds import lane_of, who_of
from gateway.ratelimit.ledger import Lane


def exchange(method: str = "GET", target: str = "/banks", **known: Any) -> Exchange:
    return Exchange("id", method, target, 0.0, **known)


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


def test_a_request_is_known_again() -> None:
    """By what it asks for, and its key."""
    made = exchange("POST", "/customers", caller="a", key="k1")

    again = exchange("POST", "/customers", caller="a", key="k1")
    others = [
        exchange("POST", "/customers", caller="b", key="k1"),
        exchange("POST", "/customers", caller="a", key="k2"),
        exchange("POST", "/loans", caller="a", key="k1"),
    ]

    assert who_of(again) == who_of(made)
    assert who_of(made) not in {who_of(other) for other in others}
