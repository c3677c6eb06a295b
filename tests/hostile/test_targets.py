"""Request targets that could lead elsewhere than they seem to."""

import pytest

from tests.gateway_process import Live
from tests.hostile.strike import CLOSED, REFUSED, Attack, assert_harmless, head

pytestmark = pytest.mark.e2e

ELSEWHERE = {
    "absolute-form": "http://EVIL/customers",
    "absolute-form-upper-case": "HTTP://EVIL/customers",
    "absolute-form-tls": "https://EVIL/customers",
    "absolute-form-own-host": "http://gateway.test/customers",
    "absolute-form-user": "http://gateway.test@EVIL/customers",
    "absolute-form-no-path": "http://EVIL",
    "other-scheme": "file:///etc/passwd",
    "unix-scheme": "unix:/run/secret.sock:/x",
    "two-slashes": "//EVIL/customers",
    "three-slashes": "///EVIL/customers",
    "two-slashes-user": "//a@EVIL/customers",
    "slash-backslash": "/\\EVIL/customers",
    "backslash-slash": "\\/EVIL/customers",
    "two-backslashes": "\\\\EVIL\\customers",
    "user": "@EVIL/customers",
    "bare-authority": "EVIL",
    "port-first": ":80/customers",
    "no-slash": "customers",
    "dot-first": "./customers",
    "query-first": "?x=1",
    "asterisk": "*",
    "asterisk-path": "*/customers",
}

DOTS = {
    "raw": "/customers/../auth/credentials",
    "raw-single": "/customers/./x",
    "raw-last": "/customers/..",
    "raw-first": "/../v3/customers",
    "past-the-base": "/../../admin",
    "behind-the-prefix": "/v3/../admin",
    "encoded": "/customers/%2e%2e/auth/credentials",
    "encoded-upper-case": "/customers/%2E%2E/auth/credentials",
    "encoded-single": "/customers/%2e/x",
    "mixed": "/customers/.%2e/auth/credentials",
    "mixed-other": "/customers/%2E./auth/credentials",
    "encoded-slash": "/customers/..%2fauth%2fcredentials",
    "all-encoded": "/customers%2f%2e%2e%2fauth%2fcredentials",
    "parameter": "/customers/..;x=1/auth/credentials",
    "parameter-empty": "/customers/..;/auth/credentials",
    "parameter-encoded": "/customers/%2e%2e%3bx/auth/credentials",
    "parameter-single": "/customers/.;x/y",
    "backslash": "/customers/..\\auth",
    "backslash-encoded": "/customers/..%5cauth/credentials",
    "backslash-inside": "/customers\\x",
}

BYTES = {
    "tab": b"/customers/\tx",
    "vertical-tab": b"/customers/\x0bx",
    "form-feed": b"/customers/\x0cx",
    "nul": b"/customers/\x00x",
    "escape": b"/customers/\x1b[2J",
    "delete": b"/customers/\x7fx",
    "bare-cr": b"/customers/\rx",
    "bare-lf": b"/customers/\nx",
    "space": b"/customers/a b",
    "utf-8": "/customers/josé".encode(),
    "latin-1": b"/customers/jos\xe9",
    "no-utf-8": b"/customers/\xff\xfe",
    "utf-8-query": "/customers?name=josé".encode(),
    "overlong-slash": b"/customers/..\xc0\xaf",
    "fragment": b"/customers#x",
    "fragment-in-query": b"/customers?a=b#c",
    "crlf-then-header": b"/customers HTTP/1.1\r\nHost: EVIL\r\nX:",
}


@pytest.mark.parametrize("target", ELSEWHERE.values(), ids=ELSEWHERE)
def test_no_target_chooses_the_host(live: Live, target: str) -> None:
    """The bearer token goes to Dinie and to nobody else."""
    assert_harmless(live, Attack(head(f"GET {target} HTTP/1.1")))


@pytest.mark.parametrize("target", DOTS.values(), ids=DOTS)
def test_dot_segments_are_refused(live: Live, target: str) -> None:
    """What a server behind would resolve away escapes every rule about paths."""
    assert_harmless(live, Attack(head(f"GET {target} HTTP/1.1")))


@pytest.mark.parametrize("target", BYTES.values(), ids=BYTES)
def test_raw_bytes_that_need_encoding_are_refused(live: Live, target: bytes) -> None:
    """Each server guesses differently what such a target means."""
    raw = b"GET " + target + b" HTTP/1.1\r\nHost: gateway.test\r\n\r\n"

    assert_harmless(live, Attack(raw))


CONNECTS = {
    "authority": "EVIL",
    "absolute": "http://EVIL/",
    "path": "/customers",
    "own": "gateway.test:80",
}


@pytest.mark.parametrize("target", CONNECTS.values(), ids=CONNECTS)
def test_nobody_is_connected_through(live: Live, target: str) -> None:
    """A gateway that tunnels is an open proxy."""
    attack = Attack(head(f"CONNECT {target} HTTP/1.1"), (400, 405, CLOSED))

    assert_harmless(live, attack)


DENIED = {
    "plain": "/auth/credentials",
    "prefixed": "/v3/auth/credentials",
    "other-prefix": "/api/v3/auth/credentials",
    "below": "/auth/credentials/dinie_ci_test_1",
    "query": "/auth/credentials?limit=1",
    "slash-behind": "/auth/credentials/",
    "slashes-inside": "/auth//credentials",
    "encoded-letter": "/auth/%63redentials",
    "encoded-slash": "/auth%2Fcredentials",
    "encoded-slash-in-front": "/%2Fauth/credentials",
    "encoded-twice": "/auth/%2563redentials",
    "encoded-three-times": "/auth/%252563redentials",
    "parameter": "/auth;x=1/credentials;y",
    "upper-case": "/AUTH/Credentials",
    "prefix-slashes": "/v3//auth/credentials",
    "prefixes-again": "/v3/api/v3/auth/credentials",
    "prefix-encoded": "/v3/%61pi/v3/auth/credentials",
    "blank-behind": "/auth/credentials%20",
    "dot-behind": "/auth/credentials.",
    "extension": "/auth/credentials.json",
    "extension-below": "/auth/credentials.json/dinie_ci_test_1",
    "question-mark-encoded": "/auth/credentials%3flimit=1",
    "nul-encoded-twice": "/auth/credentials%2500.json",
    "dots-encoded-twice": "/customers/%252e%252e/auth/credentials",
}

CONTROLS = {
    "nul": "/customers%00x",
    "crlf": "/customers%0d%0aX:%20y",
    "tab-behind": "/auth/credentials%09",
    "nul-behind": "/auth/credentials%00",
    "unit-separator": "/customers/%1Fx",
    "delete": "/customers/%7Fx",
}


@pytest.mark.parametrize("target", DENIED.values(), ids=DENIED)
def test_a_denied_route_stays_denied_in_every_spelling(live: Live, target: str) -> None:
    """Whoever lists or creates credentials owns the account."""
    assert_harmless(live, Attack(head(f"GET {target} HTTP/1.1"), (403,)))


@pytest.mark.parametrize("target", CONTROLS.values(), ids=CONTROLS)
def test_encoded_control_characters_in_a_path_are_refused(
    live: Live, target: str
) -> None:
    """A server that decodes first would see another route, or a header of its own."""
    assert_harmless(live, Attack(head(f"GET {target} HTTP/1.1"), (400,)))


def test_an_own_host_in_the_request_changes_nothing(live: Live) -> None:
    """The Host header says how the gateway was found, not whom it asks."""
    raw = b"GET /customers HTTP/1.1\r\nHost: EVIL\r\nX-Forwarded-Host: EVIL\r\n\r\n"

    assert_harmless(live, Attack(raw, (200, *REFUSED), ("/v3/customers",)))
