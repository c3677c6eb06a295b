"""spellings: rules that match what a lenient server could take for a route."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.forwarding.policy import check_target
from gateway.forwarding.spellings import (
    LenientRules,
    decoded,
    decoded_once,
    prefixes_of,
)

PREFIXES = ("/v3", "/api/v3")
DENIED = LenientRules(
    ("/auth/credentials", "/partners/*/keys"), prefixes=PREFIXES, below=True
)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/auth/credentials", id="itself"),
        pytest.param("/AUTH/Credentials", id="case"),
        pytest.param("/auth/credentials/", id="trailing-slash"),
        pytest.param("/auth//credentials", id="slashes"),
        pytest.param("//auth/credentials", id="leading-slashes"),
        pytest.param("/auth/credentials/1", id="below"),
        pytest.param("/auth;x=1/credentials;y", id="parameters"),
        pytest.param("/auth/%63redentials", id="encoded"),
        pytest.param("/auth/%2525252563redentials", id="five-times-encoded"),
        pytest.param("/auth/%25%36%33redentials", id="its-encoding-encoded"),
        pytest.param("/auth%2Fcredentials", id="encoded-slash"),
        pytest.param("/auth%5Ccredentials", id="encoded-backslash"),
        pytest.param("/auth/credentials%3Bx", id="encoded-parameter"),
        pytest.param("/auth/credentials%3Fx", id="encoded-query"),
        pytest.param("/auth/credentials%23x", id="encoded-fragment"),
        pytest.param("/auth/credentials%20", id="blank"),
        pytest.param("/auth%20/credentials", id="blank-inside"),
        pytest.param("/auth/%20credentials", id="blank-before"),
        pytest.param("/auth/credentials+", id="blank-of-a-form"),
        pytest.param("/auth/credentials%a0", id="blank-of-latin-1"),
        pytest.param("/auth/credentials%c2%a0", id="blank-of-utf-8"),
        pytest.param("/auth/credentials.", id="dot"),
        pytest.param("/auth/credentials%2e%20.", id="dots-and-blanks"),
        pytest.param("/auth/credentials.json", id="extension"),
        pytest.param("/auth/credentials.json.", id="extension-and-dot"),
        pytest.param("/auth/credentials.tar.gz", id="two-extensions"),
        pytest.param("/auth/credentials.json/1", id="extension-above"),
        pytest.param("/auth/credentials%2ejson", id="encoded-extension"),
        pytest.param("/auth/credentials%2500x", id="nul-twice-encoded"),
        pytest.param("/auth/credentials%250ax", id="newline-that-ends-it"),
        pytest.param("/auth/cre%2509dentials", id="tab-that-is-dropped"),
        pytest.param("/auth/cre%e2%80%8bdentials", id="invisible"),
        pytest.param("/auth/%ef%bd%83redentials", id="full-width"),
        pytest.param("/auth/credential%c5%bf", id="long-s"),
        pytest.param("/auth/%c1%a3redentials", id="overlong"),
        pytest.param("/auth%c0%afcredentials", id="overlong-slash"),
        pytest.param("/auth%e0%80%afcredentials", id="overlong-slash-of-three"),
        pytest.param("/auth%f0%80%80%afcredentials", id="overlong-slash-of-four"),
        pytest.param("/auth;%2fx/credentials", id="slash-in-a-parameter"),
        pytest.param("/auth;a=%252f%252e./credentials", id="path-in-a-parameter"),
        pytest.param("/auth/credentials%20.json", id="blank-and-extension"),
        pytest.param("/auth/credentials+%c2%a0.json/1", id="blanks-and-extension"),
        pytest.param("/auth/credent%c4%b1als", id="dotless-i"),
        pytest.param("/auth/credent%c4%b0als", id="dotted-capital-i"),
        pytest.param("/auth/credentials%ef%b8%8f", id="variation-selector"),
        pytest.param("/auth/%u0063redentials", id="old-unicode-code"),
        pytest.param("/v3/auth/credentials", id="prefix-again"),
        pytest.param("/api/v3/v3/auth/credentials", id="prefixes-again"),
        pytest.param("/V3/auth/credentials", id="prefix-in-another-case"),
        pytest.param("/%763/auth/credentials", id="prefix-encoded"),
        pytest.param("/v3;x/auth/credentials", id="prefix-with-a-parameter"),
        pytest.param("/x/%252e%252e/auth/credentials", id="dots-that-lead-there"),
        pytest.param("/auth/credentials/%252e%252e/x", id="dots-that-lead-away"),
        pytest.param("/x/%252e%252e/v3/auth/credentials", id="dots-and-prefix"),
        pytest.param("/partners/a.b/keys.xml/1", id="star"),
        pytest.param("/auth/credentials" + "/x" * 200, id="long"),
    ],
)
def test_a_denied_route_is_denied_in_every_spelling(path: str) -> None:
    """Whoever lists or creates credentials owns the account."""
    assert DENIED(path)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("", id="base-itself"),
        pytest.param("/", id="root"),
        pytest.param("/auth", id="above"),
        pytest.param("/auth/token", id="neighbour"),
        pytest.param("/auth/credentialsx", id="longer-word"),
        pytest.param("/customers/auth/credentials", id="deeper"),
        pytest.param("/customers/john.doe", id="dot-in-an-id"),
        pytest.param("/customers/a%2Fb;x=1", id="odd-but-another"),
        pytest.param("/partners/7", id="above-a-star"),
        pytest.param("/%zz%", id="no-encoding-at-all"),
    ],
)
def test_other_routes_stay_open(path: str) -> None:
    """A rule that refuses too much is taken out."""
    assert not DENIED(path)


def test_a_rule_fits_itself_however_it_is_written() -> None:
    """Operators copy a rule from a URL, prefix and extension included."""
    rules = LenientRules(("/v3/Reports/a.csv/",), prefixes=PREFIXES)

    found = [rules(path) for path in ("/reports/a.csv", "/reports/a", "/reports/a.c")]

    assert found == [True, False, False]


def test_without_below_only_the_route_itself_matches() -> None:
    """What lies below the token route is another route."""
    rules = LenientRules(("/auth/token",))

    found = [rules(path) for path in ("/auth/token.json", "/auth/token/x")]

    assert found == [True, False]


def test_no_patterns_match_nothing() -> None:
    """An empty list denies nothing."""
    assert not LenientRules((), below=True)("/")


def test_the_base_urls_path_is_a_prefix_too() -> None:
    """It stands before every route at Dinie, whatever callers may put there."""
    assert prefixes_of(("/v3",), "https://api.example/x/v4") == ("/v3", "/x/v4")


@given(st.text(st.sampled_from("/a%2e5;.c0?u\\ "), max_size=60))
def test_any_path_is_read_without_an_error(text: str) -> None:
    """Paths are strangers' bytes; a rule has an opinion of each of them."""
    assert DENIED(text) in {True, False}
    assert decoded_once(decoded(text)) == decoded(text) or "%" in decoded(text)


@given(st.lists(st.sampled_from(["%61", "a", "A", "%2561", "%41"]), max_size=6))
def test_an_encoded_letter_counts_as_itself(letters: list[str]) -> None:
    """However often, and in either case."""
    path = "/auth/credentials/" + "".join(letters)

    check_target(path)

    assert DENIED(path)
