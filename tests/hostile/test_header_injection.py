"""Header lines that are more than one header, or another one than they seem."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import CLOSED, REFUSED, Attack, assert_harmless, head, post
from tests.upstreams import TOKEN
from tests.wire import ask

pytestmark = pytest.mark.e2e

LOANS = ("/v3/loans",)
KEY = b"Idempotency-Key: one"

LINES = {
    "bare-cr": b"X-A: b\rIdempotency-Key: two",
    "bare-lf": b"X-A: b\nIdempotency-Key: two",
    "bare-lf-end": b"X-A: b\n",
    "cr-cr-lf": b"X-A: b\r",
    "nul": b"X-A: b\x00c",
    "nul-in-name": b"X\x00A: b",
    "escape": b"X-A: \x1b[2J",
    "delete": b"X-A: \x7f",
    "vertical-tab": b"X-A: a\x0bb",
    "space-before-colon": b"X-A : b",
    "tab-before-colon": b"X-A\t: b",
    "space-in-name": b"X A: b",
    "empty-name": b": b",
    "no-colon": b"X-A",
    "folded": b"X-A: b\r\n c",
    "folded-with-tab": b"X-A: b\r\n\tc",
    "folded-first": b" X-A: b",
    "latin-1-name": b"X-\xe9: b",
    "no-utf-8": b"X-A: \xff\xfe",
    "latin-1": b"X-A: jos\xe9",
    "separator-in-name": b"X(A): b",
    "quoted-name": b'"X-A": b',
    "slash-in-name": b"X/A: b",
    "pseudo-header": b":authority: EVIL",
    "old-websocket": b"Sec-WebSocket-Key1: x",
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_line_that_is_no_header_is_refused_unsent(live: Live, line: bytes) -> None:
    """What one server skips, another one obeys."""
    assert_harmless(live, Attack(post(line, b"Content-Length: 2", body=b"{}")))


TWICE = {
    "key": (KEY, b"Idempotency-Key: two"),
    "key-alike": (KEY, KEY),
    "key-list": (b"Idempotency-Key: one, two",),
    "key-two-dialects": (KEY, b"X-Idempotency-Key: two"),
    "key-sdk": (b"X-Idempotency-Key: one", b"X-Idempotency-Key: one"),
    "key-underscore": (b"Idempotency_Key: two",),
    "key-underscores": (KEY, b"X_Idempotency_Key: one"),
    "key-mixed": (b"X-Idempotency_Key: two",),
    "key-too-long": (b"Idempotency-Key: " + b"k" * 256,),
    "key-empty": (b"Idempotency-Key:",),
    "key-spaces": (b"Idempotency-Key: one two",),
    "key-tab": (b"Idempotency-Key: one\ttwo",),
    "key-utf-8": ("Idempotency-Key: chavé".encode(),),
    "key-no-utf-8": (b"Idempotency-Key: \xff",),
    "authorization": (b"Authorization: Bearer a", b"Authorization: Bearer b"),
    "authorization-alike": (b"Authorization: Bearer a", b"authorization: Bearer a"),
    "timeout": (b"X-Request-Timeout-Ms: 5000", b"X-Request-Timeout-Ms: 9000"),
    "timeout-underscore": (b"X_Request_Timeout_Ms: 5000",),
    "timeout-word": (b"X-Request-Timeout-Ms: soon",),
    "timeout-zero": (b"X-Request-Timeout-Ms: 0",),
    "timeout-negative": (b"X-Request-Timeout-Ms: -1",),
    "timeout-infinite": (b"X-Request-Timeout-Ms: inf",),
    "caller": (b"X-Gateway-Caller: a", b"X-Gateway-Caller: b"),
    "caller-underscore": (b"X_Gateway_Caller: a",),
    "priority": (b"X-Gateway-Priority: batch", b"X-Gateway-Priority: interactive"),
    "request-id": (b"X-Request-Id: a", b"X-Request-Id: b"),
    "type": (b"Content-Type: text/plain", b"Content-Type: application/json"),
    "coding-underscore": (b"Transfer_Encoding: chunked",),
    "length-underscore": (b"Content_Length: 9",),
    "connection-underscore": (b"Proxy_Connection: close",),
    "proxy-underscore": (b"Proxy_Authorization: Basic eDp5",),
    "type-underscore": (b"Content_Type: text/plain",),
    "retry-count": (b"X-Dinie-Retry-Count: 1", b"X-Dinie-Retry-Count: 2"),
}


@pytest.mark.parametrize("fields", TWICE.values(), ids=TWICE)
def test_a_control_header_twice_or_disguised_is_refused_unsent(
    live: Live, fields: tuple[bytes, ...]
) -> None:
    """Of two keys or credentials, gateway and Dinie might each believe another."""
    raw = post(*fields, b"Content-Length: 2", body=b"{}")

    assert_harmless(live, Attack(raw, (400, 422, CLOSED)))


HOSTS = {
    "missing": b"",
    "twice": b"Host: a\r\nHost: EVIL\r\n",
    "twice-alike": b"Host: a\r\nHost: a\r\n",
    "space-before-colon": b"Host : a\r\n",
    "folded": b"Host: a\r\n EVIL\r\n",
    "nul": b"Host: a\x00EVIL\r\n",
}


@pytest.mark.parametrize("lines", HOSTS.values(), ids=HOSTS)
def test_a_request_has_exactly_one_host(live: Live, lines: bytes) -> None:
    """Servers that choose by Host must not choose differently."""
    assert_harmless(live, Attack(b"GET /customers HTTP/1.1\r\n" + lines + b"\r\n"))


ODD_HOSTS = {
    "other": b"EVIL",
    "empty": b"",
    "user": b"a@EVIL",
    "path": b"a/b",
    "list": b"a, EVIL",
    "port-word": b"a:b",
}


@pytest.mark.parametrize("host", ODD_HOSTS.values(), ids=ODD_HOSTS)
def test_dinie_gets_its_own_host_whatever_was_sent(live: Live, host: bytes) -> None:
    """The caller's Host is never sent on."""
    raw = b"GET /customers HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"

    assert_harmless(live, Attack(raw, (200, 403, *REFUSED), ("/v3/customers",)))


NAMED = {
    "control": b"authorization, idempotency-key, x-idempotency-key",
    "host": b"host, content-length, content-type",
    "close-too": b"close, authorization, idempotency-key",
    "quoted": b'"authorization"',
    "commas": b",,authorization,,",
}


@pytest.mark.parametrize("value", NAMED.values(), ids=NAMED)
def test_connection_cannot_take_the_gateways_headers_away(
    live: Live, value: bytes
) -> None:
    """A caller that strips the key makes a retry a second loan."""
    raw = post(KEY, b"Connection: " + value, b"Content-Length: 2", body=b"{}")

    assert_harmless(live, Attack(raw, (200, *REFUSED), LOANS, b"{}"))

    for received in live.upstream.requests:
        if received.target == LOANS[0]:
            assert received.all("Idempotency-Key") == ["one"]
            assert received.all("Authorization") == [f"Bearer {TOKEN}"]


LEGAL = {
    "two-spellings-of-one-key": (KEY, b"x-idempotency-key: one"),
    "longest-key": (b"Idempotency-Key: " + b"k" * 255,),
    "utf-8-value": ("X-Name: José".encode(),),
    "tab-in-value": (b"X-A: a\tb",),
    "empty-value": (b"X-A:",),
    "dummy-bearer": (b"Authorization: Bearer gw_0123456789abcdef",),
    "basic": (b"Authorization: Basic eDp5",),
    "proxy-credentials": (b"Proxy-Authorization: Basic eDp5",),
    "many-of-one": (b"X-A: a", b"X-A: b", b"X-A: c"),
}


@pytest.mark.parametrize("fields", LEGAL.values(), ids=LEGAL)
def test_odd_but_legal_headers_are_served(
    live: Live, fields: tuple[bytes, ...]
) -> None:
    """Strictness is for what could mean two things, not for what looks unusual."""
    raw = post(*fields, b"Content-Length: 2", body=b"{}")

    assert_harmless(live, Attack(raw, (200,), LOANS, b"{}"))


def test_an_answer_never_says_more_than_one_key(live: Live) -> None:
    """What the caller reads back is the key that went to Dinie."""
    live.reset()

    given = ask(live.port, post(KEY, b"Content-Length: 2", body=b"{}"))

    assert given.get("Idempotency-Key") == "one"


SECRETS = {
    "header": post(b"X-Cpf : 123.456.789-09"),
    "target": b"GET /123.456.789-09 HTTP/7.1\r\nHost: a\r\n\r\n",
    "method": b"123.456.789-09 / HTTP/1.1\r\nHost: a\r\n\r\n",
    "second": b"GET / HTTP/1.1\r\nHost: a\r\n\r\nX 123.456.789-09",
    "dots": head("GET /../123.456.789-09 HTTP/1.1"),
    "key": post(b"Idempotency-Key: 123.456.789-09 x"),
    "timeout": post(b"X-Request-Timeout-Ms: 123.456.789-09"),
}


@pytest.mark.parametrize("raw", SECRETS.values(), ids=SECRETS)
def test_a_refusal_repeats_nothing_of_what_it_refuses(live: Live, raw: bytes) -> None:
    """Answers to errors end up in logs that were never meant for personal data."""
    live.reset()

    given = ask(live.port, raw)

    assert given.status == 400
    assert b"123.456" not in given.raw
    assert "123.456" not in live.gateway.output
