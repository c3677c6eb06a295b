r"""Parses all of JSON's grammar, beyond what the fast parser accepts. Pure.

The fast parser refuses unpaired surrogates (`\ud83c`), numbers beyond a double
(`1e400`), a byte order mark and more than 1,024 levels. Dinie may send all of them, and
an event whose type cannot be read reaches only subscribers of `*`.

Source: docs/adr/0010-inbox.md.
"""

import json
import re
from typing import Any, Final

import orjson

_MOST_LEVELS: Final = 100  # that are kept of what the fast parser refuses
_LONGEST_INTEGER: Final = 18  # digits; the standard library refuses some thousands
# A quote that opens and does not close is matched by itself, and ends the search.
_MARK: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|["\[\]{}]', re.DOTALL)


def parse(body: bytes) -> Any:
    """Parse a body; a value that is nested too deeply becomes None.

    Bytes that are no UTF-8 are replaced.

    Raises:
        ValueError: it is no JSON.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        text = body.decode("utf-8-sig", "replace")
    # How deep the standard library goes depends on Python's version, from a thousand
    # levels to as many as there is stack. Who walks through the result goes less deep.
    return json.loads(_cut(text), strict=False, parse_int=_integer)


def _integer(text: str) -> int | float:
    return int(text) if len(text) <= _LONGEST_INTEGER else float(text)


def _cut(text: str) -> str:
    """Return a text without what is nested deeper than `_MOST_LEVELS` levels.

    Raises:
        ValueError: its brackets are not balanced.
    """
    kept, begin, depth = [], 0, 0
    for found in _MARK.finditer(text):
        mark = found[0]
        if mark in {"[", "{"}:
            depth += 1
            if depth == _MOST_LEVELS + 1:
                kept += [text[begin : found.start()], "null"]
        elif mark in {"]", "}"}:
            if depth == _MOST_LEVELS + 1:
                begin = found.end()
            depth -= 1
        if mark == '"' or depth < 0:
            break
    else:
        if depth == 0:
            return "".join((*kept, text[begin:]))
    raise ValueError("the brackets are not balanced")
