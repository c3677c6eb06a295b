"""Signs webhooks, and holds the secrets of each endpoint.

Source: Standard Webhooks specification, "Signature scheme".
"""

import base64
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf

PREFIX = "whsec_"


def key_of(secret: str) -> bytes:
    """Return the key of a secret.

    Raises:
        ValueError: it is not `whsec_` and padded base64.
    """
    encoded = secret.removeprefix(PREFIX)
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if encoded == secret or not key:
        raise ValueError(f"{PREFIX} and padded base64")
    return key


def checked(secret: str) -> str:
    """Return a secret that can sign.

    Raises:
        ValueError: it cannot.
    """
    key_of(secret)
    return secret


def sign(keys: Iterable[bytes], webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return `webhook-signature`: one `v1,<base64>` for each key.

    The timestamp is in s, Unix, as in `webhook-timestamp`.
    """
    signed = f"{webhook_id}.{timestamp}.".encode() + body
    digests = (hmac.digest(key, signed, "sha256") for key in keys)
    return " ".join("v1," + base64.b64encode(digest).decode() for digest in digests)


@dataclass(slots=True)
class _Secret:
    key: bytes
    ends: float = inf  # s, Unix


class Secrets:
    """The secrets of all endpoints: the one in force, and replaced ones to their end.

    Apart from the endpoints' records, which clients read.
    """

    def __init__(self) -> None:
        self._known: dict[str, list[_Secret]] = {}

    def add(self, endpoint_id: str, secret: str, *, old_ends: float = inf) -> None:
        """Sign with a secret from now on; older ones go on to a moment (s, Unix).

        Raises:
            ValueError: it cannot sign.
        """
        new = _Secret(key_of(secret))
        older = self._known.get(endpoint_id, [])
        for one in older:
            one.ends = min(one.ends, old_ends)
        self._known[endpoint_id] = [new, *older]

    def keys(self, endpoint_id: str, *, now: float) -> list[bytes]:
        """Return the keys that sign now (s, Unix), the newest first."""
        known = self._known.get(endpoint_id, ())
        return [one.key for one in known if now < one.ends]

    def forget(self, endpoint_id: str) -> None:
        """Drop an endpoint's secrets."""
        self._known.pop(endpoint_id, None)
