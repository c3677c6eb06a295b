"""Matches every spelling of a path that a lenient server takes for a route. Pure.

A denied route must stay denied however its path is written. Servers differ in what
they decode, merge, trim and drop before they look for a route; each of these is applied
here, and a path matches if any of its readings does. This is for rules that refuse or
protect. What grants something is matched by `Rules`, which reads a path in one way.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final
from unicodedata import category, normalize
from urllib.parse import unquote, urlsplit

_MOST_DECODES: Final = 8  # rounds; `%25` behind `%25` counts as one
_CACHED: Final = 1024  # paths
_LONGEST: Final = 256  # characters of a path that is cached
_PLAIN: Final = re.compile(r"(?:/[A-Za-z0-9_~-]+)+")
_ENCODED_AGAIN: Final = re.compile(r"%(?:25)+")
# ASCII in overlong UTF-8 of two to four bytes, and the `%uXXXX` of old servers.
_ODD_CODES: Final = re.compile(
    r"(?:%c|%e0%8|%f0%80%8)([01])%([89ab][0-9a-f])|%u([0-9a-f]{4})", re.IGNORECASE
)
_SIX_BITS: Final = 0x3F
_SIXTEEN: Final = 16
_PARAMETERS: Final = re.compile(r"[;?#\x00-\x1f\x7f].*", re.DOTALL)
_RAW_PARAMETERS: Final = re.compile(r";[^/]*")
_BLANKS: Final = " +\ufffd"  # a server that decodes Latin-1 trims more than blanks
_TRAILING: Final = f".{_BLANKS}"
Segments = tuple[str, ...]


class LenientRules:
    """Patterns whose `*` is one segment, prepared once."""

    def __init__(
        self,
        patterns: Iterable[str],
        *,
        prefixes: Iterable[str] = (),
        below: bool = False,
    ) -> None:
        """Prepare the patterns.

        Args:
            patterns: Paths; case, a trailing slash and a prefix make no difference.
            prefixes: Stripped wherever a path begins with them, again and again.
            below: Whether paths below a pattern match too.
        """
        parts = {_segments(prefix) for prefix in prefixes} - {()}
        self._prefixes = tuple(sorted(parts, key=len, reverse=True))
        self._rules = [self._without_prefixes(_segments(one)) for one in patterns]
        self._below = below
        self._cached_match = lru_cache(maxsize=_CACHED)(self._match)

    def __call__(self, path: str) -> bool:
        """Return whether a raw path, without its query, could be one of the routes."""
        if len(path) > _LONGEST:
            return self._match(path)
        return self._cached_match(path)

    def _match(self, path: str) -> bool:
        return any(
            self._fits(rule, segments)
            for segments in self._readings(path)
            for rule in self._rules
        )

    def _readings(self, path: str) -> Iterator[Segments]:
        if _PLAIN.fullmatch(path):
            yield self._without_prefixes(tuple(path[1:].lower().split("/")))
            return
        # Some servers drop parameters before they decode, others afterwards.
        texts = {decoded(path), decoded(_RAW_PARAMETERS.sub("", path))}
        for reading in texts | {_without_invisible(text) for text in texts}:
            segments = _segments(reading)
            yield self._without_prefixes(segments)
            if ".." in segments or "." in segments:
                yield self._without_prefixes(_resolved(segments))

    def _without_prefixes(self, segments: Segments) -> Segments:
        while True:
            for prefix in self._prefixes:
                if segments[: len(prefix)] == prefix:
                    segments = segments[len(prefix) :]
                    break
            else:
                return segments

    def _fits(self, rule: Segments, segments: Segments) -> bool:
        if len(segments) < len(rule) or not (self._below or len(segments) == len(rule)):
            return False
        return all(
            want in {"*", have} or _extends(want, have)
            for want, have in zip(rule, segments, strict=False)
        )


def prefixes_of(accepted: Sequence[str], base_url: str) -> tuple[str, ...]:
    """Return what may stand before a route: accepted prefixes and the base's path."""
    return (*accepted, urlsplit(base_url).path)


def decoded_once(path: str) -> str:
    """Return a path percent-decoded once, odd encodings of ASCII included."""
    return unquote(_ODD_CODES.sub(_odd_code, path), errors="replace")


def decoded(path: str) -> str:
    """Return a path percent-decoded until nothing changes, in at most eight rounds."""
    for _ in range(_MOST_DECODES):
        if "%" not in path:
            break
        once = decoded_once(_ENCODED_AGAIN.sub("%", path))
        if once == path:
            break
        path = once
    return path


def _odd_code(found: re.Match[str]) -> str:
    if found[3]:
        return chr(int(found[3], 16))
    return chr(int(found[1]) << 6 | int(found[2], _SIXTEEN) & _SIX_BITS)


def _without_invisible(text: str) -> str:
    """Return a text without control and format characters, which some servers drop."""
    return "".join(one for one in text if category(one) not in {"Cc", "Cf"})


def _extends(want: str, have: str) -> bool:
    """Return whether a segment is the wanted one with blanks or an extension."""
    return have.startswith(want) and (
        have[len(want) :].lstrip(_BLANKS)[:1] in {"", "."}
    )


def _segments(path: str) -> Segments:
    """Return a decoded path's segments, without what a server may drop of them."""
    if not path.isascii():
        # Without accents, and in capitals first: a comparison that ignores case may
        # take a dotless i for an i.
        bare = (one for one in normalize("NFKD", path) if category(one) != "Mn")
        path = "".join(bare).upper()
    found = map(_trimmed, path.casefold().replace("\\", "/").split("/"))
    return tuple(segment for segment in found if segment)


def _trimmed(segment: str) -> str:
    segment = _PARAMETERS.sub("", segment).strip()
    return segment if segment in {".", ".."} else segment.rstrip(_TRAILING)


def _resolved(segments: Segments) -> Segments:
    """Return segments after `.` and `..` took their effect."""
    kept: list[str] = []
    for segment in segments:
        if segment == "..":
            del kept[-1:]
        elif segment != ".":
            kept.append(segment)
    return tuple(kept)
