"""Redacts secrets and personal data, by field name and by shape. Pure."""

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from gateway.core.secret import MASK, Secret

# Headers and body keys, in any case and with or without "-" and "_".
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
_FOLDED: Final = frozenset(name.replace("_", "") for name in _NAMES)
# A number next to a letter is part of an id: UUIDs and digests have such runs.
_NUMBERS: Final = (
    r"(?<![0-9A-Za-z])(?:"
    r"\d{3}\.\d{3}\.\d{3}-\d{2}|\d{9}-\d{2}|\d{11}"  # CPF
    r"|\d{2}\.\d{3}\.\d{3}/\d{4}-\d{2}|\d{14}"  # CNPJ
    r")(?![0-9A-Za-z])"
    r"|(?i:(?<=cpf)|(?<=cnpj))\d{11,14}"
)
_SHAPES: Final = re.compile(
    r"dinie_(?:cs|at|bsc)_\S+"
    r"|whsec_\S+"
    r"|(?<![0-9A-Za-z])gw_[A-Za-z0-9_-]{8,}"
    r"|\bhv[sbr]\.\S+|\bs\.[A-Za-z0-9]{24,}"  # Vault's tokens, new and old
    r"|\beyJ[\w-]+\.[\w-]+\.[\w-]*"  # a JWT
    r"|(?i:\b(?:bearer|basic)\s+\S+)"
    # Bounded: an open-ended run would take quadratic time on a long text.
    r"|[\w.+-]{1,64}(?:@|%40)[\w-]+\.[\w.-]+"
    r"|\+\d{10,15}\b"
    r"|" + _NUMBERS
)
_CPF: Final = range(10**10, 10**11)
_CNPJ: Final = range(10**13, 10**14)
# With these a renderer prints a traceback, which holds callers' values.
_TRACES: Final = frozenset({"exc_info", "stack_info"})
_DEEPEST: Final = 12  # levels; what is nested deeper is masked


def is_sensitive(name: str) -> bool:
    """Return whether a field's value may not be shown."""
    return name.lower().replace("-", "").replace("_", "") in _FOLDED


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
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return MASK if value in _CPF or value in _CNPJ else value
    return _SHAPES.sub(MASK, str(value))


def redact_event(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> dict[str, Any]:
    """Redact one event; a structlog processor, with its three parameters.

    Args:
        logger: Not used.
        method: Not used.
        event: The fields of the event.
    """
    del logger, method
    return {
        key: MASK if is_sensitive(key) else redact(value)
        for key, value in event.items()
        if key not in _TRACES
    }
