"""forwarding.policy with the URL that is built from it: the same bytes go on."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gateway.core.errors import BadRequest
from gateway.forwarding.policy import check_target, plain_path, strip_prefix
from gateway.upstream.base import Base

PREFIXES = ["/api/v3", "/v3"]
HEX = "0123456789abcdefABCDEF"
ENCODED = st.builds("%{}{}".format, st.sampled_from(HEX), st.sampled_from(HEX))
PLAIN = st.sampled_from("abzAZ019-._~!$&'()*+,;=:@/%[]{}|^`\"<>")


def texts(more: str = "") -> st.SearchStrategy[str]:
    characters = PLAIN | ENCODED | st.sampled_from(more or "/")
    return st.lists(characters, max_size=30).map("".join)


TARGETS = st.builds(
    "/{}{}".format, texts(), st.just("") | texts("?/").map("?{}".format)
)
BASES = st.sampled_from(
    [
        "https://api.example/v3",
        "https://api.example:8443",
        "http://127.0.0.1:9400/",
        "http://localhost/deep/er",
    ]
)


@given(TARGETS, BASES, st.sampled_from(["", "/v3", "/api/v3"]))
@example("/a%2fb/%3A%3a/%7e?x=%2B+&y", "https://api.example/v3", "/v3")
@example("//evil.example/x", "http://127.0.0.1:9400/", "/v3")
@example("/@evil.example/x", "http://127.0.0.1:9400/", "")
@example("/x?", "https://api.example/v3", "")
@example("/?", "https://api.example:8443", "/v3")
def test_the_target_arrives_byte_for_byte_at_the_same_host(
    target: str, base_url: str, prefix: str
) -> None:
    """A re-encoded path is another resource, another host gets our token."""
    base = Base.of(base_url)
    try:
        check_target(prefix + target)
    except BadRequest:
        assume(condition=False)

    stripped = strip_prefix(prefix + target, PREFIXES)
    url = base.url(stripped)

    assert (prefix + target).endswith(stripped)
    assert url.raw_path_qs == base.path + stripped
    assert (url.scheme, url.raw_authority) == (base.scheme, base.authority)
    assert (url.raw_user, url.raw_fragment) == (None, "")


@pytest.mark.parametrize(
    ("base_url", "target", "sent"),
    [
        pytest.param("https://a.example/v3", "/v3", "/v3", id="base-itself"),
        pytest.param("https://a.example/v3", "/v3?a=1", "/v3?a=1", id="base-and-query"),
        pytest.param("https://a.example", "/v3", "/", id="no-path"),
        pytest.param("https://a.example", "/v3?a=1", "/?a=1", id="no-path-but-query"),
        pytest.param(
            "https://a.example/v3/", "/banks", "/v3/banks", id="slash-kept-once"
        ),
        pytest.param("https://a.example/v3", "/v3//a", "/v3//a", id="inner-slashes"),
    ],
)
def test_the_base_itself_can_be_asked_for(
    base_url: str, target: str, sent: str
) -> None:
    """`/v3` alone is the base URL, wherever the API stands."""
    url = Base.of(base_url).url(strip_prefix(target, PREFIXES))

    assert (url.raw_path_qs, url.raw_host) == (sent, "a.example")


@given(st.text(st.characters(max_codepoint=0x7F) | st.just("\udcff"), max_size=40))
def test_no_target_gets_past_as_another_error(target: str) -> None:
    """Bytes of strangers must not become a 500."""
    try:
        check_target(target)
    except BadRequest:
        return

    assert plain_path(target.partition("?")[0]).startswith("/")
