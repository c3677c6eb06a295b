"""faults: what each error of the client says about an attempt."""

import ssl
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import client_exceptions as aio
from aiohttp.client_reqrep import ConnectionKey, RequestInfo
from aiohttp.http_exceptions import (
    BadHttpMessage,
    BadStatusLine,
    LineTooLong,
    TransferEncodingError,
)

from gateway.core.attempt import Outcome
from gateway.upstream.faults import failure_of
from gateway.upstream.response_head import UnaskedCoding

KEY = cast("ConnectionKey", SimpleNamespace(host="api.internal", port=443, ssl=True))
INFO = cast("RequestInfo", SimpleNamespace(real_url="https://api.internal/"))
UNTRUSTED = ssl.SSLCertVerificationError("self-signed")


def wrapped() -> BaseException:
    error = aio.ClientOSError("handshake")
    error.__cause__ = UNTRUSTED
    return error


@pytest.mark.parametrize(
    ("error", "unsent", "sent"),
    [
        pytest.param(
            aio.ClientConnectorCertificateError(KEY, UNTRUSTED),
            "tls_invalid",
            "tls_invalid",
            id="certificate",
        ),
        pytest.param(
            aio.ClientConnectorError(KEY, UNTRUSTED),
            "tls_invalid",
            "tls_invalid",
            id="certificate-inside",
        ),
        pytest.param(wrapped(), "tls_invalid", "tls_invalid", id="certificate-cause"),
        pytest.param(
            aio.ClientConnectorSSLError(KEY, OSError(1, "x")),
            "not_sent",
            "not_sent",
            id="handshake",
        ),
        pytest.param(
            aio.ClientConnectorDNSError(KEY, OSError(1, "x")),
            "not_sent",
            "not_sent",
            id="name",
        ),
        pytest.param(
            aio.ClientConnectorError(KEY, OSError(1, "x")),
            "not_sent",
            "not_sent",
            id="refused",
        ),
        pytest.param(
            aio.ConnectionTimeoutError(), "not_sent", "not_sent", id="connect-time-out"
        ),
        pytest.param(
            aio.ServerDisconnectedError(), "not_sent", "dropped", id="disconnected"
        ),
        pytest.param(
            aio.ClientOSError(104, "reset"), "not_sent", "dropped", id="reset"
        ),
        pytest.param(ConnectionResetError(), "not_sent", "dropped", id="bare-reset"),
        pytest.param(TimeoutError(), "not_sent", "timeout", id="time-out"),
        pytest.param(
            aio.SocketTimeoutError(), "not_sent", "timeout", id="read-time-out"
        ),
        pytest.param(aio.ClientPayloadError(), "not_sent", "cut", id="cut"),
        pytest.param(
            aio.ClientResponseError(INFO, ()), "not_sent", "malformed", id="response"
        ),
        pytest.param(BadStatusLine("x"), "not_sent", "malformed", id="status-line"),
        pytest.param(LineTooLong(b"x", 1), "not_sent", "malformed", id="line"),
        pytest.param(TransferEncodingError("x"), "not_sent", "malformed", id="chunk"),
    ],
)
def test_what_an_error_means(error: BaseException, unsent: str, sent: str) -> None:
    """Whether it was sent decides whether a loan may exist."""
    before, after = failure_of(error, sent=False), failure_of(error, sent=True)

    assert before is not None
    assert after is not None
    assert (before.outcome, after.outcome) == (unsent, sent)
    assert "internal" not in before.detail + after.detail


@pytest.mark.parametrize("error", [ValueError("x"), RuntimeError("closed"), KeyError()])
def test_a_fault_of_ours_is_no_fault_of_the_network(error: Any) -> None:
    """A bug must be seen as one, not be retried."""
    assert failure_of(error, sent=True) is None


def test_outcomes_are_their_own_labels() -> None:
    """Dashboards name them."""
    assert [str(outcome) for outcome in Outcome] == [
        "answered",
        "not_sent",
        "tls_invalid",
        "timeout",
        "dropped",
        "cut",
        "malformed",
    ]


def wrapped_by_aiohttp(cause: Exception) -> BaseException:
    error = aio.ClientResponseError(INFO, (), status=400)
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "named"),
    [
        pytest.param(
            wrapped_by_aiohttp(BadHttpMessage("Too many headers received")),
            "more than 256 header fields",
            id="fields",
        ),
        pytest.param(
            wrapped_by_aiohttp(LineTooLong("secret", 16384)),
            "over 16384 bytes",
            id="field",
        ),
        pytest.param(UnaskedCoding("x"), "transfer coding", id="coding"),
        pytest.param(
            wrapped_by_aiohttp(BadHttpMessage("secret")), "no valid HTTP", id="nonsense"
        ),
    ],
)
def test_a_malformed_answer_is_told_by_the_rule_it_breaks(
    error: BaseException, named: str
) -> None:
    """Whoever reads the problem knows whether to call Dinie or to raise a limit."""
    failure = failure_of(error, sent=True)

    assert failure is not None
    assert failure.outcome is Outcome.MALFORMED
    assert named in failure.detail
    assert "secret" not in failure.detail
