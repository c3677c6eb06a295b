"""forwarding.policy: which targets pass, and what rules see of a path."""

import pytest

from gateway.core.errors import BadRequest
from gateway.forwarding.policy import (
    check_target,
    matches,
    plain_path,
    strip_prefix,
)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("/", id="root"),
        pytest.param("/v3", id="base"),
        pytest.param("/customers/cus_1?limit=5&a=%20", id="query"),
        pytest.param("/x?", id="bare-question-mark"),
        pytest.param("/a%2Fb", id="encoded-slash"),
        pytest.param("/a;v=1/b", id="parameters"),
        pytest.param("/a//b", id="inner-slashes"),
        pytest.param("/.well-known/x", id="leading-dot"),
        pytest.param("/a/...", id="three-dots"),
        pytest.param("/a/..b/b../.c", id="dots-in-names"),
        pytest.param("/a?next=../b", id="dots-in-the-query"),
        pytest.param("/a?u=//evil.example/x", id="slashes-in-the-query"),
        pytest.param("/a?b=%00%0d%0a", id="encoded-control-in-the-query"),
        pytest.param("/a%2500", id="doubly-encoded-control"),
        pytest.param("/a%zz%", id="no-encoding-at-all"),
        pytest.param("/%ff%fe", id="encoded-no-utf-8"),
        pytest.param("/%252e%252e/x", id="doubly-encoded-dots"),
    ],
)
def test_a_target_that_means_one_thing_passes(target: str) -> None:
    """A proxy that refuses what the API accepts is no drop-in."""
    check_target(target)


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("", id="empty"),
        pytest.param("*", id="asterisk-form"),
        pytest.param("customers", id="no-slash"),
        pytest.param("http://evil.example/x", id="absolute-form"),
        pytest.param("evil.example:443", id="authority-form"),
        pytest.param("//evil.example/x", id="another-host"),
        pytest.param("///x", id="three-slashes"),
        pytest.param("/.", id="dot"),
        pytest.param("/a/./b", id="inner-dot"),
        pytest.param("/a/..", id="dots-at-the-end"),
        pytest.param("/a/../b", id="dots"),
        pytest.param("/a/%2e%2e/b", id="encoded-dots"),
        pytest.param("/a/.%2E/b", id="half-encoded-dots"),
        pytest.param("/a%2f..%2fb", id="encoded-slashes-around"),
        pytest.param("/a/..;x=1/b", id="dots-with-parameters"),
        pytest.param("/a/..%3bx/b", id="dots-with-encoded-parameters"),
        pytest.param("/a/%2e%2e%5cb", id="encoded-backslash-after-dots"),
        pytest.param("/a\\..\\b", id="backslash"),
        pytest.param("/a#b", id="fragment"),
        pytest.param("/a b", id="space"),
        pytest.param("/a\tb", id="tab"),
        pytest.param("/a\r\nX: y", id="header-injection"),
        pytest.param("/a?b\x00", id="control-in-the-query"),
        pytest.param("/a\x7f", id="delete"),
        pytest.param("/customers%00x", id="encoded-nul"),
        pytest.param("/customers%0d%0aX:y", id="encoded-header-injection"),
        pytest.param("/customers/%1F", id="encoded-last-control"),
        pytest.param("/customers/%7f", id="encoded-delete"),
        pytest.param("/customers%c0%80x", id="overlong-nul"),
        pytest.param("/customers%c0%8dx", id="overlong-carriage-return"),
        pytest.param("/customers%e0%80%8ax", id="overlong-line-feed-of-three"),
        pytest.param("/customers%u000d%u000ax", id="old-code-of-a-line-feed"),
        pytest.param("/a/%c0%ae%c0%ae/b", id="overlong-dots"),
        pytest.param("/a/..%20/b", id="dots-and-a-blank"),
        pytest.param("/" + "%" * 10 + "3" * 9 + "41", id="over-and-over"),
        pytest.param("/caf\u00e9", id="raw-non-ascii"),
        pytest.param("/\udcff", id="raw-no-utf-8"),
    ],
)
def test_a_target_that_could_mean_two_things_is_refused(target: str) -> None:
    """Our token must not go to another host, nor a rule look at another path."""
    with pytest.raises(BadRequest):
        check_target(target)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("/v3/customers", "/customers", id="stripped"),
        pytest.param("/api/v3/customers?a=1", "/customers?a=1", id="second-prefix"),
        pytest.param("/customers", "/customers", id="none"),
        pytest.param("/v3", "", id="base-itself"),
        pytest.param("/v3/", "/", id="base-with-slash"),
        pytest.param("/v3?a=1", "?a=1", id="base-with-query"),
        pytest.param("/v3x/a", "/v3x/a", id="longer-word"),
        pytest.param("/V3/a", "/V3/a", id="other-case"),
        pytest.param("/v3/v3/a", "/v3/a", id="once-only"),
        pytest.param("/v3//a", "//a", id="inner-slashes"),
        pytest.param("/%763/a", "/%763/a", id="encoded-is-no-prefix"),
    ],
)
def test_an_accepted_prefix_is_stripped(target: str, expected: str) -> None:
    """A caller changes only the host, whatever base URL its SDK had."""
    assert strip_prefix(target, ["/v3", "/api/v3"]) == expected


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        pytest.param("", "/", id="base-itself"),
        pytest.param("/", "/", id="root"),
        pytest.param("/customers/cus_1", "/customers/cus_1", id="plain"),
        pytest.param("/Auth/CREDENTIALS", "/auth/credentials", id="case"),
        pytest.param("/auth/credentials/", "/auth/credentials", id="trailing-slash"),
        pytest.param("//auth///credentials//", "/auth/credentials", id="slashes"),
        pytest.param("/auth;x=1/credentials;y", "/auth/credentials", id="parameters"),
        pytest.param("/%61uth/credential%73", "/auth/credentials", id="encoded"),
        pytest.param("/%2561uth/credentials", "/%61uth/credentials", id="once-only"),
        pytest.param("/auth%2Fcredentials", "/auth/credentials", id="encoded-slash"),
        pytest.param("/auth%5Ccredentials", "/auth/credentials", id="backslash"),
        pytest.param("/auth/credentials%3Bx", "/auth/credentials", id="encoded-param"),
        pytest.param("/%41uth/credentials", "/auth/credentials", id="encoded-case"),
        pytest.param("/%ff", "/\ufffd", id="no-utf-8"),
    ],
)
def test_rules_see_the_plain_path(path: str, expected: str) -> None:
    """As Dinie reads it; what refuses or protects looks further."""
    assert plain_path(path) == expected


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        pytest.param("/banks", "/banks", True, id="same"),
        pytest.param("/banks", "/banks/1", False, id="deeper"),
        pytest.param("/customers/*", "/customers/1", True, id="one-segment"),
        pytest.param("/customers/*", "/customers", False, id="none"),
        pytest.param("/customers/*", "/customers/1/x", False, id="two"),
        pytest.param("/customers/*/documents", "/customers/1/documents", True, id="in"),
        pytest.param("/customers/*/documents", "/customers/1/other", False, id="not"),
    ],
)
def test_a_star_is_one_segment(pattern: str, path: str, *, expected: bool) -> None:
    """An upload's cap is not everybody's."""
    assert matches(pattern, path) is expected
