"""Web pages' requests: which are known as such, on which listener."""

import pytest
from multidict import CIMultiDict

from gateway.core.origin import OriginRule, admin_rule, is_host, plain_host, proxy_rule

LOOPBACK = proxy_rule("127.0.0.1", ["gateway.internal"])
PAGES = [
    pytest.param({"Origin": "https://evil.example"}, id="origin"),
    pytest.param({"Origin": "null"}, id="sandboxed"),
    pytest.param({"origin": ""}, id="empty"),
    pytest.param({"Sec-Fetch-Site": "cross-site"}, id="cross-site"),
    pytest.param({"sec-fetch-site": " Cross-Site "}, id="cross-site-oddly"),
]


def refused(rule: OriginRule, **headers: str) -> bool:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return rule.refusal(CIMultiDict(named)) is not None


@pytest.mark.parametrize("headers", PAGES)
@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(LOOPBACK, id="loopback"),
        pytest.param(proxy_rule(None, ()), id="unix"),
        pytest.param(proxy_rule("0.0.0.0", ()), id="everywhere"),
        pytest.param(admin_rule("0.0.0.0", ()), id="admin"),
    ],
)
def test_a_page_s_request_is_known_on_every_listener(
    rule: OriginRule, headers: dict[str, str]
) -> None:
    """A browser sets these itself, and no page can take them off."""
    assert rule.refusal(CIMultiDict({"Host": "localhost", **headers})) is not None


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "LocalHost:8080",
        "localhost.",
        "gateway.localhost:8080",
        "127.0.0.1:8080",
        "127.8.9.1",
        "[::1]",
        "[::1]:8080",
        "[::ffff:127.0.0.1]:8080",
        "gateway.internal",
        "GATEWAY.internal:80",
    ],
)
def test_a_service_on_this_host_is_served(host: str) -> None:
    """Every client library sends the name that it was given."""
    assert not refused(LOOPBACK, Host=host)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example",
        "xlocalhost",
        "127.0.0.1.evil.example",
        "0.0.0.0:8080",
        "10.0.0.1",
        "[::2]:8080",
        "localhost:8080:1",
        "localhost@evil.example",
        "localhost:evil",
        "localhost, evil.example",
        "[::1",
        "[::1]x",
        "",
    ],
)
def test_a_name_that_was_made_to_lead_here_is_refused(host: str) -> None:
    """DNS rebinding gives a page's own name the address of loopback."""
    assert refused(LOOPBACK, Host=host)


def test_a_request_without_a_host_is_no_browser_s() -> None:
    """Only HTTP/1.0 has none."""
    assert not refused(LOOPBACK)


@pytest.mark.parametrize("host", ["0.0.0.0", "10.0.0.1", "::", "gateway.internal"])
def test_a_shared_listener_takes_every_name(host: str) -> None:
    """Probes, balancers and callers each know it by another."""
    assert not refused(proxy_rule(host, ()), Host="10.1.2.3:8080")


def test_a_unix_socket_takes_every_name() -> None:
    """There is no name to it, and no browser reaches it."""
    assert not refused(proxy_rule(None, ()), Host="whatever")


@pytest.mark.parametrize("site", ["none", "same-origin"])
def test_what_a_person_typed_is_served(site: str) -> None:
    """A look with a browser is how people try the demo."""
    assert not refused(LOOPBACK, Host="localhost", Sec_Fetch_Site=site)


def test_another_port_s_page_may_link_to_the_status_page_only() -> None:
    """A browser takes all ports of localhost for one site."""
    admin = admin_rule("127.0.0.1", ())

    assert refused(LOOPBACK, Host="localhost", Sec_Fetch_Site="same-site")
    assert not refused(admin, Host="localhost", Sec_Fetch_Site="same-site")


def test_on_a_shared_proxy_pages_of_other_hosts_are_the_caller_proofs_business() -> (
    None
):
    """A caller that passes its own headers on is not cut off there."""
    assert proxy_rule("0.0.0.0", ()).remote_pages
    assert not proxy_rule("127.0.0.1", ()).remote_pages
    assert not proxy_rule(None, ()).remote_pages
    assert not admin_rule("0.0.0.0", ()).remote_pages


def test_kept_verdicts_are_bounded() -> None:
    """A stranger who sends ever new names fills no memory."""
    rule = proxy_rule("127.0.0.1", ())

    for number in range(2000):
        refused(rule, Host=f"h{number}")
    refused(rule, Host="x" * 10_000)

    assert len(rule._verdicts) <= 256
    assert all(len(host or "") <= 253 for host in rule._verdicts)


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("gateway.internal", True),
        ("gateway", True),
        ("10.0.0.1", True),
        ("fd00::1", True),
        ("[fd00::1]", True),
        ("gateway:8080", False),
        ("http://gateway", False),
        ("*.internal", False),
        ("gateway/x", False),
        ("", False),
    ],
)
def test_a_host_in_the_configuration_is_a_bare_name(text: str, *, valid: bool) -> None:
    """An entry that matches nothing is found at the start."""
    assert is_host(text) is valid


@pytest.mark.parametrize(
    ("host", "plain"),
    [
        ("A.B:80", "a.b"),
        ("a.b.", "a.b"),
        ("a.b.:80", "a.b"),
        ("[::1]:80", "::1"),
        ("::1", "::1"),
    ],
)
def test_a_host_is_compared_without_its_port(host: str, plain: str) -> None:
    """The port is whatever the listener happens to have."""
    assert plain_host(host) == plain
