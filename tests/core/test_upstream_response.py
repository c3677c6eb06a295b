"""UpstreamResponse: what an attempt holds is given back once, wherever it ends."""

from gateway.core.upstream_response import UpstreamResponse


def test_ending_closes_the_connection_and_frees_the_slot_once() -> None:
    """A slot given back twice would let one request too many to Dinie."""
    done: list[str] = []
    response = UpstreamResponse(401, {}, None, close=lambda: done.append("closed"))
    response.hold_slot(lambda: done.append("freed"))

    response.end()
    response.end()

    assert done == ["closed", "freed"]


def test_a_slot_can_be_given_back_before_the_connection() -> None:
    """A slow reader keeps its connection, and nobody else from Dinie."""
    done: list[str] = []
    response = UpstreamResponse(200, {}, None, close=lambda: done.append("closed"))
    response.hold_slot(lambda: done.append("freed"))

    response.free_slot()
    before = list(done)
    response.end()

    assert (before, done) == (["freed"], ["freed", "closed"])


def test_a_response_that_was_read_whole_holds_nothing() -> None:
    """Most are: ending them costs nothing."""
    response = UpstreamResponse(200, {"A": "b"}, b"{}")

    response.end()

    assert (response.body, response.begun, response.reason) == (b"{}", b"", "")
