"""Distinguishes the name of a file from the content of one. Pure.

A key or token that is pasted where its file should be named would be repeated by every
message about that file.
"""

import re
from typing import Final

from gateway.telemetry.redact import redact

_LONGEST: Final = 4096  # characters; no system takes a longer path
_CONTENT: Final = re.compile(
    r"-----BEGIN |\{"  # PEM, JSON
    r"|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"  # Vault's ids are UUIDs
)


def is_content(text: str) -> bool:
    """Return whether a text is most likely the content of a file, and not a name."""
    if len(text) > _LONGEST or not text.isprintable() or _CONTENT.match(text.strip()):
        return True
    # With a slash it is a path, whatever its parts look like.
    return "/" not in text and redact(text) != text
