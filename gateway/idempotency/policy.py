"""Reads the key that a request carries, and makes the one that goes upstream. Pure."""

import hashlib
import re
from collections.abc import Mapping
from typing import Final

from gateway.core.errors import BadRequest
from gateway.idempotency.options import IdempotencyOptions

LONGEST: Final = 255  # characters
_PREFIX: Final = "gw-retry-"  # Dinie's backend recognises generators by prefixes
_GENERATED_FORM: Final = re.compile(
    _PREFIX + r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
)
_LONGEST_SPACE: Final = 100  # characters of a namespace, or of a caller's name
_ODD: Final = re.compile(r"[^A-Za-z0-9._-]")
_DIGITS: Final = 8  # hexadecimal, that make such names unique
_DOCS: Final = "Idempotency-Key"
_SDK: Final = "X-Idempotency-Key"


def callers_key(control: Mapping[str, str]) -> str | None:
    """Return the key that the caller sent, in either dialect.

    Raises:
        BadRequest: two different keys, or one that is not 1 to 255 visible ASCII.
    """
    docs, sdk = control.get("idempotency-key"), control.get("x-idempotency-key")
    if docs is not None and sdk is not None and docs != sdk:
        raise BadRequest(
            "Idempotency-Key and X-Idempotency-Key differ: send one, or the same twice"
        )
    key = docs if docs is not None else sdk
    if key is None:
        return None
    if not 0 < len(key) <= LONGEST or not key.isascii() or not key.isprintable():
        raise BadRequest(f"an idempotency key has 1 to {LONGEST} visible ASCII letters")
    if " " in key:
        raise BadRequest("an idempotency key has no spaces")
    return key


def generated_key(random: bytes) -> str:
    """Return a new key from 16 random bytes, as a UUID of version 4."""
    digits = bytearray(random)
    digits[6] = digits[6] & 0x0F | 0x40
    digits[8] = digits[8] & 0x3F | 0x80
    text = digits.hex()
    return f"{_PREFIX}{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def is_generated(key: str) -> bool:
    """Return whether a key has the form of those that the gateway generates."""
    return _GENERATED_FORM.fullmatch(key) is not None


def key_upstream(options: IdempotencyOptions, key: str, *, caller: str = "") -> str:
    """Return a caller's key as Dinie sees it: keys are partner-wide there.

    A key that the gateway generated goes as it is: a caller repeats with it after an
    unknown outcome, and in a namespace it would be another key, and the repeat a second
    loan. It is unique without one.

    Args:
        options: Of the configuration.
        key: As the caller sent it.
        caller: Whose key it is; empty where keys belong to the whole gateway.
    """
    spaces = (options.namespace, _space(caller))
    if not any(spaces) or is_generated(key):
        return key
    spaced = ":".join(part for part in (*spaces, key) if part)
    if len(spaced) <= LONGEST:
        return spaced
    space = ":".join(part[:_LONGEST_SPACE] for part in spaces if part)
    return f"{space}:{hashlib.sha256(key.encode()).hexdigest()}"


def _space(caller: str) -> str:
    """Return a caller's name as part of a key; no two callers have the same.

    Only the name of the service itself may have blanks and colons. With a colon, it
    could look like another caller and the beginning of its key.
    """
    plain = _ODD.sub("_", caller)
    if plain == caller:
        return caller
    return f"{plain}.{hashlib.sha256(caller.encode()).hexdigest()[:_DIGITS]}"


def upstream_headers(
    options: IdempotencyOptions, upstream_key: str
) -> tuple[tuple[str, str], ...]:
    """Return the headers that carry a key upstream, in the dialects configured."""
    if options.header == "docs":
        return ((_DOCS, upstream_key),)
    if options.header == "sdk":
        return ((_SDK, upstream_key),)
    return ((_DOCS, upstream_key), (_SDK, upstream_key))
