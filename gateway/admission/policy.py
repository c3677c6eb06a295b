"""Refuses requests by method and length, before anything is spent on them. Pure."""

from typing import Final

from gateway.admission.options import AdmissionOptions
from gateway.core.dinie_routes import METHODS
from gateway.core.errors import BadRequest, MethodNotAllowed, RequestTooLarge

UPLOAD_SLOTS: Final = 8  # of uploads alone, since they are slow
SLOT_WAIT: Final = 2.0  # s an attempt may wait for a slot
SPILL: Final = 1024 * 1024  # bytes; a larger body is kept on disk
_LONGEST_LENGTH: Final = 18  # digits of a declared length worth reading


def check_method(method: str) -> None:
    """Refuse a method that is not relayed.

    Raises:
        MethodNotAllowed: TRACE, CONNECT or no HTTP method.
    """
    if method not in METHODS:
        raise MethodNotAllowed(
            "only " + ", ".join(sorted(METHODS)) + " are relayed", allowed=METHODS
        )


def check_length(text: str | None, cap: int) -> None:
    """Refuse a declared length over the cap, before the body is read.

    Raises:
        RequestTooLarge: over the cap.
        BadRequest: no whole number (the parser accepts none such).
    """
    if text is None:
        return
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("Content-Length must be a whole number")
    if len(text) > _LONGEST_LENGTH or int(text) > cap:
        raise too_large(cap)


def too_large(cap: int) -> RequestTooLarge:
    """Return the refusal of a body over its route's cap (bytes)."""
    return RequestTooLarge(
        f"the body is over {cap} bytes, the cap of this route "
        "(admission.max_body, admission.max_upload)"
    )


def cap_of(options: AdmissionOptions, *, upload: bool) -> int:
    """Return the body cap of a route, bytes."""
    return options.max_upload if upload else options.max_body
