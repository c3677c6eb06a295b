"""Methods and protocol versions that are none of the gateway's."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import CLOSED, REFUSED, Attack, assert_harmless, head

pytestmark = pytest.mark.e2e

METHODS = {
    "trace": "TRACE",
    "track": "TRACK",
    "connect": "CONNECT",
    "webdav": "PROPFIND",
    "search": "M-SEARCH",
    "purge": "PURGE",
    "unknown": "FOO",
    "lower-case": "get",
    "mixed-case": "Post",
    "none": "",
    "colon": "GET:",
    "separator": "GE/T",
    "brackets": "(GET)",
    "nul": "G\x00ET",
    "latin-1": "GÉT",
    "endless": "A" * 20_000,
    "preface": "PRI",
    "two-words": "GET GET",
}


@pytest.mark.parametrize("method", METHODS.values(), ids=METHODS)
def test_only_the_methods_of_the_api_pass(live: Live, method: str) -> None:
    """TRACE shows headers, the rest means something else to each server."""
    attack = Attack(head(f"{method} /customers HTTP/1.1"), (400, 405, 501, CLOSED))

    assert_harmless(live, attack)


VERSIONS = {
    "http-0.9": b"GET /customers\r\n\r\n",
    "http-0.9-said": b"GET /customers HTTP/0.9\r\nHost: a\r\n\r\n",
    "none": b"GET /customers\r\nHost: a\r\n\r\n",
    "http-1.9": b"GET /customers HTTP/1.9\r\nHost: a\r\n\r\n",
    "http-1.10": b"GET /customers HTTP/1.10\r\nHost: a\r\n\r\n",
    "http-11.1": b"GET /customers HTTP/11.1\r\nHost: a\r\n\r\n",
    "http-2.0": b"GET /customers HTTP/2.0\r\nHost: a\r\n\r\n",
    "http-3.0": b"GET /customers HTTP/3.0\r\nHost: a\r\n\r\n",
    "http-1": b"GET /customers HTTP/1\r\nHost: a\r\n\r\n",
    "http-1-dot": b"GET /customers HTTP/1.\r\nHost: a\r\n\r\n",
    "lower-case": b"GET /customers http/1.1\r\nHost: a\r\n\r\n",
    "comma": b"GET /customers HTTP/1,1\r\nHost: a\r\n\r\n",
    "space-behind": b"GET /customers HTTP/1.1 \r\nHost: a\r\n\r\n",
    "word-behind": b"GET /customers HTTP/1.1 x\r\nHost: a\r\n\r\n",
    "tls-name": b"GET /customers HTTPS/1.1\r\nHost: a\r\n\r\n",
    "rtsp": b"DESCRIBE /customers RTSP/1.0\r\nHost: a\r\n\r\n",
    "icecast": b"SOURCE /customers ICE/1.0\r\nHost: a\r\n\r\n",
    "bare-cr-behind": b"GET /customers HTTP/1.1\rHost: a\r\n\r\n",
    "bare-lf-only": b"GET /customers HTTP/1.1\nHost: a\n\n",
    "preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "preface-and-frame": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0",
    "tls-hello": bytes.fromhex("16030100a5010000a10303") + bytes(range(160)),
    "ssh": b"SSH-2.0-OpenSSH_9.2\r\n",
    "proxy-protocol": b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n" + head("GET / HTTP/1.1"),
    "proxy-protocol-2": b"\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + bytes(12),
    "nul-bytes": bytes(64),
    "blank-lines-and-nul": b"\r\n\r\n\0\r\n\r\n",
}


@pytest.mark.parametrize("raw", VERSIONS.values(), ids=VERSIONS)
def test_what_is_not_http_1_is_refused(live: Live, raw: bytes) -> None:
    """Another protocol has other ends of requests: guessing them is smuggling."""
    assert_harmless(live, Attack(raw, (400, 405, 501, 505, CLOSED)))


LEGAL = {
    "http-1.0": b"GET /customers HTTP/1.0\r\n\r\n",
    "http-1.0-kept": b"GET /customers HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    # The parser does not tell it from HTTP/1.0; Dinie gets HTTP/1.1 in any case.
    "rtsp-get": b"GET /customers RTSP/1.0\r\nHost: a\r\n\r\n",
    "two-spaces": head("GET  /customers HTTP/1.1"),
    "blank-line-in-front": b"\r\n" + head("GET /customers HTTP/1.1"),
}


@pytest.mark.parametrize("raw", LEGAL.values(), ids=LEGAL)
def test_old_forms_reach_dinie_in_the_new_one_or_not_at_all(
    live: Live, raw: bytes
) -> None:
    """How leniently a request line was read must not show behind the gateway."""
    assert_harmless(live, Attack(raw, (200, *REFUSED), ("/v3/customers",)))


UPGRADES = {
    "websocket": (b"Connection: Upgrade", b"Upgrade: websocket"),
    "websocket-version": (
        b"Connection: upgrade",
        b"Upgrade: WebSocket",
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        b"Sec-WebSocket-Version: 13",
    ),
    "h2c": (
        b"Connection: Upgrade, HTTP2-Settings",
        b"Upgrade: h2c",
        b"HTTP2-Settings: AAMAAABkAAQAAP__",
    ),
    "tcp": (b"Connection: upgrade", b"Upgrade: tcp"),
    "several": (b"Connection: upgrade", b"Upgrade: h2c, websocket"),
    "not-in-connection": (b"Upgrade: websocket",),
    "without-upgrade": (b"Connection: upgrade",),
}


@pytest.mark.parametrize("fields", UPGRADES.values(), ids=UPGRADES)
def test_no_connection_becomes_another_protocol(
    live: Live, fields: tuple[bytes, ...]
) -> None:
    """Behind an upgrade the gateway would see no request any more."""
    raw = head("GET /customers HTTP/1.1", *fields)

    assert_harmless(live, Attack(raw, (200, 426, 501, *REFUSED), ("/v3/customers",)))


def test_bytes_behind_an_upgrade_are_no_second_request_to_dinie(live: Live) -> None:
    """A refused upgrade is followed by an ordinary request, or by nothing."""
    fields = (b"Connection: Upgrade", b"Upgrade: websocket", b"Content-Length: 0")
    raw = head("GET /customers HTTP/1.1", *fields, body=b"\x81\x05hello")

    assert_harmless(live, Attack(raw, (200, 426, 501, *REFUSED), ("/v3/customers",)))


EXPECTATIONS = {
    "unknown": (b"Expect: 200-ok", (200, 417, *REFUSED)),
    "empty": (b"Expect:", (200, 417, *REFUSED)),
    "list": (b"Expect: 100-continue, x", (200, 417, *REFUSED)),
    "parameter": (b"Expect: 100-continue;x=1", (200, 417, *REFUSED)),
    "continue": (b"Expect: 100-continue", (200,)),
    "continue-upper-case": (b"Expect: 100-CONTINUE", (200,)),
    "twice": (b"Expect: 100-continue\r\nExpect: 100-continue", (200, *REFUSED)),
}


@pytest.mark.parametrize(("field", "allowed"), EXPECTATIONS.values(), ids=EXPECTATIONS)
def test_an_expectation_is_met_or_refused_and_never_relayed(
    live: Live, field: bytes, allowed: tuple[int, ...]
) -> None:
    """A caller that waits for a 100 is not left waiting for Dinie's."""
    raw = head("POST /loans HTTP/1.1", field, b"Content-Length: 5", body=b"hello")

    assert_harmless(live, Attack(raw, allowed, ("/v3/loans",), b"hello"))
