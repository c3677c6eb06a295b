"""The key under which a request carries its exchange."""

from gateway.core.stage import EXCHANGE
from tests.exchanges import new_exchange


def test_the_key_says_what_it_holds() -> None:
    """A typed key is why no stage has to guess what it finds."""
    carried = {EXCHANGE: new_exchange("r", "GET", "/", 0.0)}

    assert carried[EXCHANGE].request_id == "r"
