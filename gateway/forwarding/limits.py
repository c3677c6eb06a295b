"""Limits of the first line and the head, both ways. Pure.

`docs/reference/limits.md` has the table.
"""

from typing import Final

REQUEST_TARGET: Final = 16 * 1024  # bytes of path and query
REQUEST_FIELD: Final = 16 * 1024  # bytes of a field's name and value
REQUEST_FIELDS: Final = 128

RESPONSE_REASON: Final = 16 * 1024  # bytes behind the status
RESPONSE_FIELD: Final = 16 * 1024  # bytes of a field's name and value
RESPONSE_FIELDS: Final = 256
