"""Base: where a target is appended."""

import pytest

from gateway.upstream.base import Base


@pytest.mark.parametrize(
    ("base_url", "target", "sent"),
    [
        pytest.param("https://h/v3", "/customers", "/v3/customers", id="plain"),
        pytest.param("https://h/v3", "", "/v3", id="the-base-itself"),
        pytest.param("https://h/v3", "/x?", "/v3/x?", id="empty-query"),
        pytest.param("https://h/v3", "/a%2Fb%3A", "/v3/a%2Fb%3A", id="encoded"),
        pytest.param("https://h/v3", "//evil/x", "/v3//evil/x", id="inner-slashes"),
        pytest.param("https://h", "//evil/x", "//evil/x", id="no-base-path"),
        pytest.param("https://h/v3", "/@evil", "/v3/@evil", id="userinfo-like"),
        pytest.param("https://h/v3", "?a=http://evil/", "/v3?a=http://evil/", id="url"),
    ],
)
def test_a_target_is_appended_and_the_host_never_changes(
    base_url: str, target: str, sent: str
) -> None:
    """A URL join would hand the token to whoever stands in the path."""
    url = Base.of(base_url).url(target)

    assert (url.scheme, url.host, url.raw_path_qs) == ("https", "h", sent)
