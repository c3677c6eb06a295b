"""Who is at the other end of a connection?"""

import asyncio
import socket
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gateway.core.peer import certificate_name, is_local


class Transport:
    def __init__(self, found: Any) -> None:
        self.found = found

    def get_extra_info(self, name: str) -> Any:
        assert name == "peercert"
        return self.found


@pytest.mark.parametrize(
    ("found", "name"),
    [
        pytest.param(None, None, id="plain"),
        pytest.param({}, None, id="not-shown"),
        pytest.param(
            {"subject": ((("commonName", "billing"),),)}, "billing", id="common-name"
        ),
        pytest.param(
            {
                "subject": ((("commonName", "x"),),),
                "subjectAltName": (("email", "a@b"), ("URI", "spiffe://x/billing")),
            },
            "spiffe://x/billing",
            id="spiffe",
        ),
        pytest.param(
            {"subjectAltName": (("DNS", "billing.svc"), ("DNS", "y"))},
            "billing.svc",
            id="dns",
        ),
        pytest.param({"subject": ((("organizationName", "x"),),)}, None, id="nameless"),
    ],
)
def test_the_name_in_a_certificate(found: Any, name: str | None) -> None:
    """As workloads have them."""
    assert certificate_name(cast("Any", Transport(found))) == name
    assert certificate_name(None) is None


@pytest.mark.parametrize(
    ("remote", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("10.0.0.7", False),
        ("fe80::1%eth0", False),
        ("::ffff:10.0.0.7", False),
        ("nonsense", False),
    ],
)
def test_who_is_on_this_host(remote: str | None, *, local: bool) -> None:
    """The port is open to whoever scrapes it."""
    assert is_local(remote, None) is local


@pytest.mark.parametrize(
    ("family", "local"),
    [(socket.AF_UNIX, True), (socket.AF_INET, False), (socket.AF_INET6, False)],
)
@pytest.mark.parametrize("remote", [None, ""])
def test_a_peer_without_an_address_is_here_on_a_unix_socket_only(
    remote: str | None, family: int, *, local: bool
) -> None:
    """A stranger who resets the connection at once has none either."""
    sock = SimpleNamespace(family=family)
    transport = SimpleNamespace(get_extra_info={"socket": sock}.get)

    assert is_local(remote, cast("asyncio.Transport", transport)) is local
    assert not is_local(remote, None)
