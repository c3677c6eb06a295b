"""What must never be seen in a log? Redaction by field name and by shape."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from gateway.secret import MASK, Secret

# Headers and body keys, with "-" folded to "_".
_NAMES: Final = frozenset(
    {
        "authorization",
        "webhook_signature",
        "x_dinie_client_secret",
        "proxy_authorization",
        "cookie",
        "set_cookie",
        "cpf",
        "cnpj",
        "account",
        "account_number",
        "bank_account",
        "cvv",
        "password",
        "secret",
        "client_secret",
        "client_id",
        "secret_id",
        "role_id",
        "webhook_secret",
        "next_client_id",
        "next_client_secret",
        "access_token",
        "token",
        "phone",
        "email",
        "name",
        "trading_name",
        "code",
        "signing_url",
        "session_url",
        "number",
        "branch",
        "digit",
        "x_vault_token",
    }
)
_SHAPES: Final = re.compile(
    r"dinie_(?:cs|at|bsc)_\S+"
    r"|whsec_\S+"
    r"|\bgw_[A-Za-z0-9_-]{8,}"
    r"|\bhv[sb]\.\S+"
    r"|(?i:\b(?:bearer|basic)\s+\S+)"
    r"|\b[\w.+-]+@[\w-]+\.[\w.-]+"
    r"|\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"
    r"|\b\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}\b"
    r"|\+\d{10,15}\b"
    r"|\b\d{11}\b|\b\d{14}\b"
)
_DEEPEST: Final = 12  # levels; what nests further is not worth a log


def is_sensitive(name: str) -> bool:
    """Return whether a field's value may not be shown."""
    return name.lower().replace("-", "_") in _NAMES


def redact(value: Any, depth: int = 0) -> Any:
    """Return a copy of a value with everything sensitive masked, recursively."""
    if depth > _DEEPEST or isinstance(value, Secret | bytes | bytearray | memoryview):
        return MASK
    if isinstance(value, Mapping):
        return {
            redact(str(key), depth + 1): (
                MASK if is_sensitive(str(key)) else redact(part, depth + 1)
            )
            for key, part in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [redact(part, depth + 1) for part in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return _SHAPES.sub(MASK, str(value))


def redact_event(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> dict[str, Any]:
    """Redact one event; a structlog processor."""
    del logger, method
    return {
        key: MASK if is_sensitive(key) else redact(value)
        for key, value in event.items()
    }
