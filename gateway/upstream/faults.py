"""Maps an aiohttp error to the outcome of the attempt that it ended.

The details are ours and name no host, since callers see them.
"""

import ssl
from typing import Final

from aiohttp import client_exceptions as aio
from aiohttp.http_exceptions import HttpProcessingError, LineTooLong

from gateway.core.attempt import AttemptFailed, Outcome
from gateway.forwarding.limits import RESPONSE_FIELD, RESPONSE_FIELDS
from gateway.upstream.connector import PoolTimeoutError, StaleConnectionError
from gateway.upstream.response_head import UnaskedCoding

_RULES: Final[tuple[tuple[type[BaseException], Outcome, str], ...]] = (
    (
        aio.ClientConnectorCertificateError,
        Outcome.TLS_INVALID,
        "Dinie's TLS certificate does not hold",
    ),
    (aio.ClientConnectorDNSError, Outcome.NOT_SENT, "Dinie's name does not resolve"),
    (aio.ClientConnectorError, Outcome.NOT_SENT, "Dinie refuses the connection"),
    (PoolTimeoutError, Outcome.NOT_SENT, "no connection to Dinie came free"),
    (aio.ConnectionTimeoutError, Outcome.NOT_SENT, "connecting to Dinie took too long"),
    (StaleConnectionError, Outcome.NOT_SENT, "Dinie ended an idle connection"),
    (aio.ClientPayloadError, Outcome.CUT, "Dinie's response was cut"),
    (aio.ClientResponseError, Outcome.MALFORMED, "Dinie's response is no valid HTTP"),
    (HttpProcessingError, Outcome.MALFORMED, "Dinie's response is no valid HTTP"),
    (TimeoutError, Outcome.TIMEOUT, "Dinie did not respond in time"),
    (aio.ClientError, Outcome.DROPPED, "Dinie dropped the connection"),
    (OSError, Outcome.DROPPED, "the connection to Dinie broke"),
)

# A server ends what is idle when it likes: five at once are no outage.
_NOTHING_OF_DINIE: Final = (PoolTimeoutError, StaleConnectionError)
_TOO_MANY: Final = "Too many headers"  # how aiohttp's parser begins to say so


def failure_of(error: BaseException, *, sent: bool) -> AttemptFailed | None:
    """Return what an exception means for the attempt; None: it is no network fault.

    Args:
        error: What the client raised.
        sent: Whether the request was written to a connection.
    """
    for kind, outcome, detail in _RULES:
        if isinstance(error, kind):
            if _is_certificate_fault(error):
                return AttemptFailed(Outcome.TLS_INVALID, _RULES[0][2])
            if not sent and outcome is not Outcome.TLS_INVALID:
                of_dinie = kind not in _NOTHING_OF_DINIE
                return AttemptFailed(Outcome.NOT_SENT, detail, of_upstream=of_dinie)
            named = _reason(error) if outcome is Outcome.MALFORMED else None
            return AttemptFailed(outcome, named or detail)
    return None


def _reason(error: BaseException) -> str | None:
    """Return which limit or rule a response breaks; None: it is plain nonsense."""
    if isinstance(error, aio.ClientResponseError):
        error = error.__cause__ or error
    if isinstance(error, UnaskedCoding):
        return "Dinie's response has a transfer coding that no request of ours allows"
    if isinstance(error, LineTooLong):
        return f"Dinie's response has a header field over {RESPONSE_FIELD} bytes"
    if str(getattr(error, "message", "")).startswith(_TOO_MANY):
        return f"Dinie's response has more than {RESPONSE_FIELDS} header fields"
    return None


def _is_certificate_fault(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        inner = getattr(cause, "os_error", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    return False
