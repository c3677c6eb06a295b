"""Bearer: a token is found however it was written down."""

import pytest

from gateway.core.authorization import pieces


@pytest.mark.parametrize(
    "value",
    ["gw_1", " gw_1 ", '"gw_1"', "gw_1=", "Bearer gw_1", "gw_1 x", "'gw_1',", "<gw_1>"],
)
def test_it_is_found(value: str) -> None:
    """Whoever writes it so has a secret in it all the same."""
    assert "gw_1" in pieces(value)


def test_nothing_is_in_nothing() -> None:
    """And nothing is taken apart that is one word."""
    assert pieces("  ") == []
    assert pieces("a=b.c") == ["a=b.c"]
