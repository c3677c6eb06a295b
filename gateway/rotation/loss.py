"""Tells that the rotation's state was deleted or destroyed. Pure.

A run writes the lock into the next version, and would hide that there was a state. So
the loss is written along until somebody took back what was left, or another rotation
has begun.
"""

import re
from typing import Final

from gateway.core.secret import Secret
from gateway.rotation.ports import Fields

FIELD: Final = "lost"
_TEXT: Final = re.compile(r"version \d{1,18} was (deleted|destroyed)")


def read_loss(fields: Fields) -> str:
    """Return how the state was lost, in a few words; empty: it was not."""
    if fields.gone:
        return f"version {fields.version} was {fields.gone}"
    text = fields.get(FIELD, Secret("")).reveal()
    # Somebody may have written anything there.
    return text if _TEXT.fullmatch(text) else ""


def explain_loss(lost: str) -> str:
    """Return what a loss means and what to do."""
    return (
        f"The rotation's state is lost ({lost} in Vault): whether a rotation was under "
        "way cannot be told. --abort takes back what it left as next_*; a new run "
        "begins when one is due, or with --now. Dinie may list a credential "
        "gateway-rotation-… that nobody uses: revoke it there."
    )
