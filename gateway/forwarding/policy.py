"""Decides which headers and targets are relayed, and in which form. Pure.

Sources: RFC 9110 7.6.1 (hop-by-hop fields), RFC 9112 3.2 (request targets).
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

from gateway.core.errors import BadRequest
from gateway.forwarding.spellings import decoded, decoded_once

HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

# Read by the gateway and not relayed; a second one is an attack or a bug.
_CONTROL: Final = frozenset(
    {
        "authorization",
        "content-length",
        "idempotency-key",
        "x-envoy-expected-rq-timeout-ms",
        "x-gateway-caller",
        "x-gateway-priority",
        "x-idempotency-key",
        "x-request-timeout-ms",
    }
)
# Read and relayed; a second one is refused too.
_SHARED: Final = frozenset({"content-type", "x-dinie-retry-count", "x-request-id"})
# With an Expect, a client would wait for a 100 that Dinie never sends.
_DROPPED: Final = HOP_BY_HOP | {"host", "expect", "http2-settings"}

DROPPED: Final = 1
CONTROL: Final = 2
SHARED: Final = 3
# One look-up per header.
_ACTION: Final = (
    dict.fromkeys(_DROPPED, DROPPED)
    | dict.fromkeys(_CONTROL, CONTROL)
    | dict.fromkeys(_SHARED, SHARED)
)
# The gateway sets these itself; those of Dinie's response are left out.
_OWN_RESPONSE: Final = frozenset(
    {
        "idempotency-key",
        "x-gateway-request-id",
        "x-gateway-attempts",
        "x-gateway-environment",
        "x-gateway-error",
        "x-gateway-retry",
    }
)
_NOT_RELAYED: Final = HOP_BY_HOP | _OWN_RESPONSE
_CONNECTION_OPTIONS: Final = frozenset({"", "keep-alive", "close", "upgrade"})
# RFC 9110 5.5 allows no control character but the tab.
_BREAKING: Final = frozenset(map(chr, [*range(9), *range(10, 32), 127]))
_CACHED: Final = 256  # names of headers; real traffic has a few dozen
_CONTROL_CHARACTER: Final = re.compile(r"[\x00-\x1f\x7f]")


def inbound_headers(
    items: Iterable[tuple[str, str]],
) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """Return the headers to relay, and those the gateway reads (lower-case names).

    Raises:
        BadRequest: a control header twice or disguised, or bytes that are not UTF-8.
    """
    relayed: list[tuple[str, str]] = []
    control: dict[str, str] = {}
    connection: list[str] = []
    for item in items:
        name, value = item
        lower, action, odd = _inbound_action(name)
        if odd or not value.isascii():
            _refuse_disguise(lower, value)
        if action is None:
            relayed.append(item)
        elif action == DROPPED:
            if lower == "connection":
                connection.append(value)
        else:
            if lower in control:
                raise BadRequest(f"header {lower!r} is sent more than once: send one")
            control[lower] = value
            if action == SHARED:
                relayed.append(item)
    return _without_named(relayed, connection), control


@lru_cache(maxsize=_CACHED)
def _inbound_action(name: str) -> tuple[str, int | None, bool]:
    """Return a header's lower-case name, what to do with it, and if it has a `_`."""
    lower = name.lower()
    return lower, _ACTION.get(lower), "_" in lower


@lru_cache(maxsize=_CACHED)
def _outbound_action(name: str) -> int | None:
    """Return what to do with a header of a response; None: it is relayed."""
    lower = name.lower()
    if lower == "connection":
        return CONTROL
    return DROPPED if lower in _NOT_RELAYED else None


def _refuse_disguise(name: str, value: str) -> None:
    """Refuse a header that another server could read as another one."""
    if "_" in name and name.replace("_", "-") in _ACTION:
        # Some servers fold "_" to "-": Dinie could read it as ours, or as framing.
        raise BadRequest(f"header {name!r} imitates a control header")
    if not _encodable(value):
        raise BadRequest(f"header {name!r} has bytes that are not UTF-8: encode them")


def _without_named(
    relayed: list[tuple[str, str]], connection: list[str]
) -> list[tuple[str, str]]:
    """Remove the fields that a Connection header makes hop-by-hop."""
    if not connection:
        return relayed
    named = {
        token.strip().lower() for value in connection for token in value.split(",")
    } - _CONNECTION_OPTIONS
    if not named:
        return relayed
    return [item for item in relayed if item[0].lower() not in named]


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _writable(value: str) -> bool:
    """Return whether a value can be written; the client's parser accepts more."""
    return _encodable(value) and not _BREAKING.intersection(value)


def outbound_headers(
    items: Iterable[tuple[str, str]],
) -> tuple[list[tuple[str, str]], int]:
    """Return the headers of Dinie's response to relay, and how many could not be.

    `content-length` stays in: the code that writes the body decides about it.
    """
    relayed: list[tuple[str, str]] = []
    connection: list[str] = []
    lost = 0
    for item in items:
        name, value = item
        action = _outbound_action(name)
        if action == CONTROL:
            connection.append(value)
        elif action is None:
            # Nearly every value is printable, which is cheap to check.
            if value.isprintable() or _writable(value):
                relayed.append(item)
            else:
                lost += 1
    return _without_named(relayed, connection), lost


def strip_prefix(target: str, prefixes: Sequence[str]) -> str:
    """Return the target without the first accepted prefix it starts with.

    `/v3` alone is the base itself and becomes empty; `/v3x` is no match.
    """
    for prefix in prefixes:
        if target.startswith(prefix):
            rest = target[len(prefix) :]
            if not rest or rest[0] in "/?":
                return rest
    return target


def check_target(target: str) -> None:
    """Refuse a request target that two servers could read in two ways.

    Raises:
        BadRequest: no origin form, `//`, a dot segment, encoded or not, a backslash, a
            control character (in the path: encoded as well), a fragment, a raw byte
            that should be encoded, or a path that is encoded over and over.
    """
    if not target.startswith("/"):
        raise BadRequest("the request target must be a path that starts with '/'")
    if target.startswith("//"):
        raise BadRequest("the request target must not start with '//'")
    if not target.isascii():
        raise BadRequest("the request target has raw non-ASCII bytes: percent-encode")
    if "\\" in target or "#" in target or not target.isprintable() or " " in target:
        raise BadRequest(
            "the request target has a backslash, a '#', a space or a control character"
        )
    path = target.partition("?")[0]
    if "." in path or "%" in path:
        _check_encoded(path)


def _check_encoded(path: str) -> None:
    """Refuse a path that a server may decode to another one.

    Raises:
        BadRequest: as said in `check_target`.
    """
    once = decoded_once(path)
    if _CONTROL_CHARACTER.search(once):
        raise BadRequest("the request target has an encoded control character")
    for segment in once.replace("\\", "/").split("/"):
        if segment.partition(";")[0].strip() in {".", ".."}:
            raise BadRequest("the request target has a dot segment")
    stable = decoded(path)
    if decoded(stable) != stable:
        raise BadRequest("the request target is percent-encoded over and over")


def plain_path(path: str) -> str:
    """Return a path as rules see it: decoded once, slashes merged, parameters dropped.

    It is for labels, and for rules that grant something; it is never sent. Rules that
    refuse or protect go further: see `spellings`.
    """
    if "%" in path:
        path = unquote(path, errors="replace")
    if "//" not in path and ";" not in path and "\\" not in path and path[-1:] != "/":
        return path.lower() or "/"
    segments = [
        segment.partition(";")[0] for segment in path.replace("\\", "/").split("/")
    ]
    return "/" + "/".join(part for part in segments if part).lower()


def matches(pattern: str, path: str) -> bool:
    """Return whether a plain path matches a pattern whose `*` is one segment."""
    if "*" not in pattern:
        return pattern == path
    wanted, given = pattern.split("/"), path.split("/")
    return len(wanted) == len(given) and all(
        want in {"*", have} for want, have in zip(wanted, given, strict=True)
    )
