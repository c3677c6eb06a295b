"""Versions of secrets whose provider does not number them."""

import hashlib
import secrets
from collections.abc import Mapping

from gateway.core.secret import Secret

# Per process, so that a digest in a log or a page cannot be searched for.
_KEY = secrets.token_bytes(32)


def version_of(fields: Mapping[str, Secret]) -> str:
    """Return an id that changes when, and only when, the content does."""
    digest = hashlib.blake2b(key=_KEY, digest_size=6)
    for name in sorted(fields):
        for text in (name, fields[name].reveal()):
            # An unpaired surrogate is not valid text, but is content all the same.
            data = text.encode(errors="surrogatepass")
            digest.update(len(data).to_bytes(8, "big") + data)
    return digest.hexdigest()
