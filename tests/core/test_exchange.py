"""Exchange: bodies that can be sent again, who writes what, and the lease it holds."""

import ast
import inspect
import io
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.core import exchange as module
from gateway.core.exchange import Body, Exchange, History, Waits
from gateway.core.upstream_response import UpstreamResponse
from tests.exchanges import new_exchange

GATEWAY = Path(module.__file__).parents[1]


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
    assert new_exchange("r", "GET", "/", 0.0, peer).caller_gone is gone


def test_exchanges_share_nothing_that_changes() -> None:
    """One caller's waits must not be in another's Server-Timing."""
    first, second = (
        new_exchange("a", "GET", "/", 0.0),
        new_exchange("b", "GET", "/", 0.0),
    )

    first.history.waits.token += 1.0
    first.history.sends += 1

    assert (second.history.waits.token, second.history.sends) == (0.0, 0)


def test_what_a_request_said_is_frozen() -> None:
    """A stage that changed it would change it for all that ask for the same target."""
    exchange = new_exchange(target="/loans")

    for said in (exchange.target, exchange.head):
        with pytest.raises(AttributeError):
            setattr(said, said._fields[0], "other")


FIELD = re.compile(
    r"^    (?:# (?P<above>[\w, ]+):[^\n]*\n    )?(?P<name>\w+): [^\n#]*"
    r"(?:  # (?P<beside>[\w, ]+):[^\n]*)?$",
    re.MULTILINE,
)
PARTS = {"exchange", "history", "waits", "leader", "follower", "self"}


def declared() -> dict[str, set[str]]:
    """Return whom the comment of each field names as its writers."""
    source = inspect.getsource(module)
    parts = [inspect.getsource(part) for part in (Exchange, History, Waits)]
    assert all(part in source for part in parts)
    return {
        field["name"]: set((field["above"] or field["beside"] or "").split(", "))
        for part in parts
        for field in FIELD.finditer(part.partition("    def __init__")[0])
    }


def written() -> dict[str, set[str]]:
    """Return who assigns to each of these fields: a room, or a module of an adapter."""
    found: dict[str, set[str]] = {name: set() for name in declared()}
    for path in GATEWAY.rglob("*.py"):
        room = path.parent.name
        layered = room in {"core", "server", "upstream", "pipeline"}
        writer = path.stem if layered else room
        for node in ast.walk(ast.parse(path.read_text())):
            if not (
                isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            ):
                continue
            owner = node.value
            last = owner.attr if isinstance(owner, ast.Attribute) else None
            last = owner.id if isinstance(owner, ast.Name) else last
            if node.attr in found and last in PARTS:
                if last == "self" and path.name != "exchange.py":
                    continue
                found[node.attr].add(writer)
    return found


def test_each_field_is_written_only_by_whom_it_names() -> None:
    """With forty fields, who may write one is what a reader asks first."""
    named, found = declared(), written()
    # `adopt` copies a leader's history; the room that calls it is named.
    for name in ("note", "sends", "unknown_sends", "untyped", "retry_after"):
        found[name].discard("exchange")
        found[name].add("idempotency")

    assert len(named) > 30
    assert found == named


def test_an_exchange_holds_one_response_at_a_time() -> None:
    """What an attempt forgets to end, the next one ends."""
    freed: list[str] = []
    exchange = new_exchange("r", "GET", "/", 0.0)
    for name in ("first", "second"):
        response = UpstreamResponse(401, {}, None)
        exchange.hold(response)
        response.hold_slot(partial(freed.append, name))
    before = list(freed)

    exchange.end_attempt()
    exchange.end_attempt()

    assert (before, freed) == (["first"], ["first", "second"])
