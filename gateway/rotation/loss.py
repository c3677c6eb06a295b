"""Detects that a rotation's state was deleted or destroyed in Vault. Pure.

The next run writes its lock as a new version, which hides that there was a state. So
each run writes the loss too, until `--abort` has removed what the rotation left, or
another rotation has begun.
"""

import re
from typing import Final

from gateway.core.secret import Secret
from gateway.rotation.ports import Fields

FIELD: Final = "lost"
_TEXT: Final = re.compile(r"version \d{1,18} was (deleted|destroyed)")


def read_loss(fields: Fields) -> str:
    """Return how the state was lost ("version 7 was deleted"); empty: it was not."""
    if fields.gone:
        return f"version {fields.version} was {fields.gone}"
    text = fields.get(FIELD, Secret("")).reveal()
    # The field may hold anything.
    return text if _TEXT.fullmatch(text) else ""


def explain_loss(lost: str) -> str:
    """Return what a loss means, and what to do."""
    return (
        f"The rotation's state is lost ({lost} in Vault): whether a rotation was under "
        "way cannot be told. --abort takes back what it left as next_*; a new run "
        "begins when one is due, or with --now. Dinie may list a credential "
        "gateway-rotation-… that nobody uses: revoke it there."
    )
