"""Verifies and makes Standard Webhooks v1 signatures, on bytes alone. Pure.

The usual libraries raise on a signature without a comma, on bytes that are no UTF-8 and
on bodies that are no JSON, and accept 1763860000.0 as a timestamp; here every hostile
input has one of four verdicts.

Source: Standard Webhooks specification; docs/adr/0010-inbox.md.
"""

import binascii
import hmac
import re
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal

Verdict = Literal["good", "malformed", "bad_timestamp", "bad_signature"]

PREFIX: Final = "whsec_"
MOST_KEYS: Final = 3
MOST_SIGNATURES: Final = 10
_LONGEST_HEADER: Final = 4096  # bytes of webhook-signature
_SHORTEST_KEY: Final = 16  # bytes; less can be guessed
# No dot: it separates id, timestamp and body in what is signed, and an id with one
# could contain a piece of an old body.
_ID: Final = re.compile(rb"[!-\-/-~]{1,256}")
_PRINTABLE: Final = re.compile(rb"[ -~]*")
_TIMESTAMP: Final = re.compile(rb"[0-9]{10}")


@dataclass(frozen=True, slots=True)
class Signed:
    """A webhook as received: every value of its three headers, and the body."""

    ids: Sequence[bytes]
    timestamps: Sequence[bytes]
    signatures: Sequence[bytes]
    body: bytes

    def __repr__(self) -> str:
        return f"Signed(body={len(self.body)} bytes)"


def parse_secret(text: str) -> bytes:
    """Return the key of a `whsec_…` secret.

    Raises:
        ValueError: it is malformed; the message does not contain it.
    """
    encoded = text.removeprefix(PREFIX)
    if encoded == text:
        raise ValueError(f"a webhook secret begins with {PREFIX}")
    try:
        key = b64decode(encoded + "=" * (-len(encoded) % 4), validate=True)
    except (binascii.Error, ValueError):
        # Never used as plain text: it would be a key that was never chosen.
        raise ValueError("a webhook secret is base64 after its prefix") from None
    if len(key) < _SHORTEST_KEY:
        raise ValueError(f"a webhook secret holds at least {_SHORTEST_KEY} bytes")
    return key


def sign(key: bytes, webhook_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    """Return one signature in the form of the header, `v1,<base64>`.

    Args:
        key: Of a secret, decoded.
        webhook_id: The header's bytes.
        timestamp: The header's bytes.
        body: Exactly as received or sent.
    """
    content = b".".join((webhook_id, timestamp, body))
    return b"v1," + b64encode(hmac.digest(key, content, sha256))


def check_headers(signed: Signed, *, now: float, tolerance: float) -> Verdict:
    """Check the headers of a webhook; the signature is not verified.

    Args:
        signed: The webhook; its body is not used.
        now: Unix, s.
        tolerance: s that the timestamp may be off, both ways.
    """
    if not len(signed.ids) == len(signed.timestamps) == len(signed.signatures) == 1:
        return "malformed"
    header, timestamp = signed.signatures[0], signed.timestamps[0]
    if len(header) > _LONGEST_HEADER or not _PRINTABLE.fullmatch(header):
        return "malformed"  # it goes on to subscribers, as a header
    given = len(header.split())
    if not _ID.fullmatch(signed.ids[0]) or not 0 < given <= MOST_SIGNATURES:
        return "malformed"
    if not _TIMESTAMP.fullmatch(timestamp):
        return "bad_timestamp"
    return "good" if abs(now - int(timestamp)) <= tolerance else "bad_timestamp"


def verify(
    signed: Signed, keys: Sequence[bytes], *, now: float, tolerance: float
) -> Verdict:
    """Check whether one of the keys made one of the signatures.

    Every pair is compared, each in constant time.

    Args:
        signed: The webhook as received.
        keys: The keys in force; at most `MOST_KEYS` are used.
        now: Unix, s.
        tolerance: s that the timestamp may be off, both ways.
    """
    verdict = check_headers(signed, now=now, tolerance=tolerance)
    if verdict != "good":
        return verdict
    webhook_id, timestamp = signed.ids[0], signed.timestamps[0]
    given = signed.signatures[0].split()
    found = False
    for key in keys[:MOST_KEYS]:
        expected = sign(key, webhook_id, timestamp, signed.body)
        for one in given:
            found |= hmac.compare_digest(expected, one)
    return "good" if found else "bad_signature"
