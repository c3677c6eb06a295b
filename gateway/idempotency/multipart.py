"""Reads a multipart body in the one way that all servers agree on, or not at all. Pure.

A fingerprint over parts leaves the boundary, the order of a part's headers and headers
without a meaning out. A body in which a lenient server could find something in what is
left out (a folded line, a second Content-Disposition, a delimiter behind a bare line
feed) must count by its bytes instead.

Sources: RFC 2046 5.1.1 (delimiters), RFC 7578 4.8 (a part's other headers are ignored).
"""

import mmap
import re
from typing import Final, NamedTuple

Buffer = bytes | mmap.mmap

_KEPT: Final = (b"content-disposition", b"content-type", b"content-transfer-encoding")
_MOST_PARTS: Final = 1000  # reading more would hold the loop up
_TYPE: Final = re.compile(r"multipart/form-data(?P<rest>[ \t]*;.*)", re.IGNORECASE)
_PARAMETER: Final = re.compile(
    r"[ \t]*;[ \t]*(?P<name>[a-z0-9_-]+)="
    r"(?:\"(?P<quoted>[^\"\\]*)\"|(?P<plain>[\w'+./:=?-]+))",
    re.IGNORECASE | re.ASCII,
)
_BOUNDARY: Final = re.compile(r"[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]", re.ASCII)
# No blank before the colon, no folding, no control character but the tab.
_LINE: Final = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t\x20-\x7e\x80-\xff]*)")


class Form(NamedTuple):
    """How a Content-Type says that a form is delimited."""

    boundary: bytes
    others: bytes  # parameters, in order of their names


class Part(NamedTuple):
    """One part of a form."""

    head: bytes  # what has a meaning of it, in one form
    start: int  # of its content
    end: int


def is_multipart(content_type: str) -> bool:
    """Return whether a Content-Type names any kind of multipart."""
    return content_type[:10].lower() == "multipart/"


def form_of(content_type: str) -> Form | None:
    """Return how a form is delimited; None where servers might read it differently."""
    found = _TYPE.fullmatch(content_type)
    if found is None or not content_type.isascii():
        return None
    rest, at = found["rest"], 0
    given: dict[str, str] = {}
    while at < len(rest):
        one = _PARAMETER.match(rest, at)
        if one is None or one["name"].lower() in given:
            return None
        quoted = one["quoted"]
        given[one["name"].lower()] = one["plain"] if quoted is None else quoted
        at = one.end()
    boundary = given.pop("boundary", "")
    if not _BOUNDARY.fullmatch(boundary):
        return None
    others = ";".join(f"{name}={given[name]}" for name in sorted(given))
    return Form(boundary.encode(), others.encode())


def parts_of(body: Buffer, boundary: bytes) -> list[Part] | None:
    """Return a body's parts; None where servers might find others.

    A preamble, an epilogue and an odd delimiter are among the reasons.
    """
    delimiter = b"--" + boundary
    if body[: len(delimiter)] != delimiter:
        return None
    found: list[Part] = []
    at = len(delimiter)
    while body[at : at + 2] == b"\r\n":
        end = _next(body, delimiter, at)
        gap = body.find(b"\r\n\r\n", at)
        if end < 0 or gap < 0 or gap + 4 > end or len(found) >= _MOST_PARTS:
            return None
        head = _meaning(bytes(body[at + 2 : gap]))
        if head is None:
            return None
        found.append(Part(head, gap + 4, end))
        at = end + 2 + len(delimiter)
    return found if body[at : at + 5] in {b"--", b"--\r\n"} else None


def _next(body: Buffer, delimiter: bytes, at: int) -> int:
    """Return where the next delimiter's line break is; -1: none, or an odd one."""
    while (place := body.find(delimiter, at)) >= 0:
        if body[place - 2 : place] == b"\r\n":
            return place - 2
        if body[place - 1 : place] in {b"\r", b"\n"}:
            return -1  # a delimiter to whoever takes half a line break for one
        at = place + 1
    return -1


def _meaning(head: bytes) -> bytes | None:
    """Return the headers of a part that have a meaning, None where that is unclear."""
    kept: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n"):
        found = _LINE.fullmatch(line)
        if found is None:
            return None
        name = found[1].lower()
        if name in kept or (name not in _KEPT and name.replace(b"_", b"-") in _KEPT):
            return None
        if name in _KEPT:
            kept[name] = found[2].strip()
    if _KEPT[0] not in kept:
        return None  # a server that names parts by something else sees more than we do
    return b"\n".join(sorted(b":".join(one) for one in kept.items()))
