"""What of an event may be shown to whoever is on call? Pure.

By a list of what is harmless, and not of what is not: events that nobody has heard of
yet hold personal data, too.
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
_DEEP: Final = 50  # levels that are looked at
_VALUE: Final = re.compile(r"[A-Za-z0-9_.:+-]{1,64}")
_MANY_DIGITS: Final = re.compile(r"(?<![0-9a-z])\d[\d.-]{9,}\d")  # a CPF, CNPJ, phone
_COUNT: Final = 1000  # what is counted in an event stays below
_MOMENTS: Final = range(10**9, 10**10)  # Unix, s; no CPF is as short


def masked(body: bytes) -> Any:
    """Return a body as JSON values, everything but the harmless masked.

    Its shape stays to be seen: keys, how many of what, and what is null.
    """
    try:
        event = parse(body)
    except ValueError:
        return f"{len(body)} bytes that are no JSON"
    return _masked(event, "", _DEEP)


def entity(identifier: str) -> str:
    """Return an id as far as it may be shown."""
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
