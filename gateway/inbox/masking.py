"""Masks the personal data of an event. Pure.

A list says which fields are shown; everything else is masked, since event types that
are not known yet hold personal data, too.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from gateway.core.secret import MASK
from gateway.inbox.document import parse

_SHOWN: Final = frozenset(
    {
        "type",
        "id",
        "api_version",
        "delivery_id",
        "customer_id",
        "credit_offer_id",
        "simulation_id",
        "loan_id",
        "status",
        "installment_count",
        "installment_number",
        "number_of_installments",
        "installments",
        "signatures_received",
        "signatures_required",
        "timestamp",
        "created_at",
        "updated_at",
        "paid_at",
        "valid_until",
    }
)
_KEY: Final = re.compile(r"[a-z][a-z_]{0,40}")
_ID: Final = re.compile(r"[a-z]{2,12}_[0-9A-Za-z]{1,64}")
_WORD: Final = re.compile(r"[a-z][a-z_.]{0,63}")
_IDS: Final = frozenset(
    {
        "id",
        "delivery_id",
        "customer_id",
        "credit_offer_id",
        "simulation_id",
        "loan_id",
    }
)
_WORDS: Final = frozenset({"type", "status"})
_MOST_LEVELS: Final = 50  # that are shown
_VALUE: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
_MANY_DIGITS: Final = re.compile(r"(?<![0-9a-z])\d[\d.-]{9,}\d")  # a CPF, CNPJ, phone
_COUNT: Final = 1000  # counts in an event stay below
_MOMENTS: Final = range(10**9, 10**10)  # Unix, s; no CPF is as short


def masked(body: bytes) -> Any:
    """Return a body as JSON values, masked.

    Its shape stays: keys, lengths of lists, and nulls.
    """
    try:
        event = parse(body)
    except ValueError:
        return f"{len(body)} bytes that are no JSON"
    return _masked(event, "", _MOST_LEVELS)


def entity(identifier: str) -> str:
    """Return an entity's id, masked where it is not of an id's form."""
    return identifier if _may_show("id", identifier) else MASK if identifier else ""


def _masked(value: Any, name: str, levels: int) -> Any:
    if isinstance(value, Mapping | list) and not levels:
        return MASK
    if isinstance(value, Mapping):
        return {
            key if _KEY.fullmatch(key) else MASK: _masked(part, key, levels - 1)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_masked(part, "", levels - 1) for part in value]
    if value is None or isinstance(value, bool):
        return value
    return value if name in _SHOWN and _may_show(name, value) else MASK


def _may_show(name: str, value: Any) -> bool:
    if isinstance(value, int):
        return 0 <= value < _COUNT or value in _MOMENTS
    if not isinstance(value, str) or _MANY_DIGITS.search(value):
        return False
    if name in _IDS:
        return bool(_ID.fullmatch(value))
    if name in _WORDS:
        return bool(_WORD.fullmatch(value))
    return bool(_VALUE.fullmatch(value))
