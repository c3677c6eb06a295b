"""message: bodies that can be sent again, and what an exchange starts with."""

import io
from functools import partial
from types import SimpleNamespace

import pytest

from gateway.core.exchange import Body, Exchange
from gateway.core.upstream_response import UpstreamResponse


def spilled(data: bytes) -> Body:
    return Body(file=io.BytesIO(data))


@pytest.mark.parametrize(
    ("body", "chunks"),
    [
        pytest.param(Body(), [], id="empty"),
        pytest.param(Body(b"abc"), [b"abc"], id="in-memory"),
        pytest.param(spilled(b"abcde"), [b"ab", b"cd", b"e"], id="spilled"),
    ],
)
def test_a_body_can_be_read_again_and_again(body: Body, chunks: list[bytes]) -> None:
    """Every attempt sends the same bytes."""
    first, second = list(body.chunks(2)), list(body.chunks(2))

    assert (first, second) == (chunks, chunks)
    assert body.size == len(b"".join(chunks))


def test_closing_gives_a_spilled_file_back() -> None:
    """Files left open fill the disk under load."""
    file = io.BytesIO(b"abc")

    Body(file=file).close()

    assert file.closed


def test_closing_a_body_in_memory_is_harmless() -> None:
    """Whoever cleans up does not look first."""
    body = Body(b"abc")

    body.close()

    assert b"".join(body.chunks()) == b"abc"


@pytest.mark.parametrize(
    ("peer", "gone"),
    [
        pytest.param(None, False, id="no-peer"),
        pytest.param(SimpleNamespace(transport=object()), False, id="there"),
        pytest.param(SimpleNamespace(transport=None), True, id="gone"),
    ],
)
def test_a_caller_without_a_transport_is_gone(
    peer: SimpleNamespace | None, gone: bool
) -> None:
    """No new attempt is made for somebody who left."""
    assert Exchange("r", "GET", "/", 0.0, peer).caller_gone is gone


def test_exchanges_share_nothing_that_changes() -> None:
    """One caller's waits must not be in another's Server-Timing."""
    first, second = Exchange("a", "GET", "/", 0.0), Exchange("b", "GET", "/", 0.0)

    first.waits.token += 1.0
    first.sends += 1

    assert (second.waits.token, second.sends) == (0.0, 0)


def test_known_fields_are_set() -> None:
    """Whoever knows more at the start says so at once."""
    exchange = Exchange("r", "POST", "/loans?a=1", 5.0, key="k", deadline=30.0)

    assert (exchange.key, exchange.deadline, exchange.target) == (
        "k",
        30.0,
        "/loans?a=1",
    )


def test_an_exchange_holds_one_response_at_a_time() -> None:
    """What an attempt forgets to end, the next one ends."""
    freed: list[str] = []
    exchange = Exchange("r", "GET", "/", 0.0)
    for name in ("first", "second"):
        response = UpstreamResponse(401, {}, None)
        exchange.hold(response)
        response.hold_slot(partial(freed.append, name))
    before = list(freed)

    exchange.end_attempt()
    exchange.end_attempt()

    assert (before, freed) == (["first"], ["first", "second"])
