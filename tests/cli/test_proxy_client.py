"""proxy_client: commands reach the gateway however its proxy listener is set up."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientConnectionError

from gateway.cli.proxy_client import Unreachable, no_response, proxy_client
from gateway.config.load import load
from gateway.config.schema import Config
from tests.inprocess import EXTRA, running_stack
from tests.upstreams import ScriptedUpstream

TOKEN = "gw_" + "b" * 40
CALLERS = [
    {"name": "billing", "token": "billing_token"},
    {"name": "crm", "certificate": "crm.svc"},
]


def certified(folder: Path, name: str = "cert") -> tuple[str, ...]:
    """Return the settings of TLS with a certificate of an unknown CA."""
    ca = trustme.CA()
    server = ca.issue_cert("gateway.internal")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_pem.write_to_path(folder / "key.pem")
    server.cert_chain_pems[0].write_to_path(folder / f"{name}.pem")
    return (
        f"listen.tls.cert_file={folder / f'{name}.pem'}",
        f"listen.tls.key_file={folder / 'key.pem'}",
        f"listen.tls.client_ca_file={folder / 'ca.pem'}",
    )


def configured(*settings: str) -> Config:
    return load(environment="local", env={}, overrides=settings).config


@asynccontextmanager
async def gateway(base_url: str, *settings: str) -> AsyncIterator[tuple[str, ...]]:
    """Run one that asks for proofs; yield the settings that lead to it."""
    EXTRA["DINIE_SECRET_BILLING_TOKEN"] = TOKEN
    strict = f"identity.callers={json.dumps(CALLERS)}"
    try:
        async with running_stack(base_url, strict, *settings) as stack:
            yield strict, *settings, f"listen.proxy={stack.running.proxy}"
    finally:
        EXTRA.pop("DINIE_SECRET_BILLING_TOKEN", None)


@pytest.mark.parametrize("unix", [False, True], ids=["tcp", "unix"])
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
async def test_the_gateway_is_reached_as_it_listens(
    upstream: ScriptedUpstream, tmp_path: Path, *, unix: bool, tls: bool
) -> None:
    """It is the only way in for who settles an outcome."""
    callers = certified(tmp_path) if tls else ()
    if not tls:
        certificates = [{"name": "billing", "token": "billing_token"}, {"name": "crm"}]
        callers = (f"identity.callers={json.dumps(certificates)}",)
    where = (f"listen.proxy=unix:{tmp_path / 's'}",) if unix else ()

    async with (
        gateway(upstream.base_url, *callers, *where) as settings,
        proxy_client(configured(*settings), caller="crm") as client,
        client.session.get(f"{client.base_url}/banks") as response,
    ):
        status = response.status

    assert status == 200
    assert [one.target for one in upstream.requests] == ["/v3/banks"]


async def test_another_certificate_than_the_configured_one_is_not_asked(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Who took the port while the gateway was away must not get a request's body."""
    async with gateway(upstream.base_url, *certified(tmp_path)) as settings:
        certified(tmp_path, "cert")  # replaced, and not reloaded
        async with proxy_client(configured(*settings)) as client:
            with pytest.raises(ClientConnectionError) as refused:
                await client.session.get(f"{client.base_url}/banks")

    assert "another certificate" in no_response(client, refused.value)
    assert upstream.requests == []


@pytest.mark.parametrize(
    ("proxy", "base"),
    [
        pytest.param("127.0.0.1:8080", "http://127.0.0.1:8080/v3", id="loopback"),
        pytest.param("0.0.0.0:8080", "http://127.0.0.1:8080/v3", id="all-addresses"),
        pytest.param("[::]:8080", "http://[::1]:8080/v3", id="all-of-ipv6"),
        pytest.param("unix:/run/s", "http://localhost/v3", id="unix"),
    ],
)
async def test_a_listener_on_all_addresses_is_reached_on_loopback(
    proxy: str, base: str
) -> None:
    """There a name in a header is believed."""
    config = configured(f"listen.proxy={proxy}")

    async with proxy_client(config, caller="crm") as client:
        named = client.session.headers["X-Gateway-Caller"]

    assert (client.base_url, named) == (base, "crm")


async def test_elsewhere_the_callers_own_token_is_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """From the secrets of the configuration; a header would not be believed."""
    for name in ("CLIENT_ID", "CLIENT_SECRET"):
        monkeypatch.setenv(f"DINIE_{name}", "dinie_test_x")
    monkeypatch.setenv("DINIE_SECRET_BILLING_TOKEN", TOKEN)
    callers = [{"name": "billing", "token": "billing_token"}, {"name": "crm"}]
    config = configured(
        f"identity.callers={json.dumps(callers)}", "listen.proxy=192.0.2.1:8080"
    )

    async with (
        proxy_client(config) as anybody,
        proxy_client(config, caller="billing") as billing,
    ):
        shown = [one.session.headers["Authorization"] for one in (anybody, billing)]
    with pytest.raises(Unreachable, match="crm has no token"):
        async with proxy_client(config, caller="crm"):
            pass

    assert shown == [f"Bearer {TOKEN}"] * 2


@pytest.mark.parametrize("proxy", ["off", "127.0.0.1:0"])
async def test_a_listener_that_has_no_place_is_said(proxy: str) -> None:
    """With the key to look at."""
    with pytest.raises(Unreachable, match=r"listen\.proxy must be"):
        async with proxy_client(configured(f"listen.proxy={proxy}")):
            pass


@pytest.mark.parametrize("content", [None, "", "no certificate"])
async def test_a_certificate_that_cannot_be_read_is_said(
    tmp_path: Path, content: str | None
) -> None:
    """The command may run as another user than the gateway."""
    settings = certified(tmp_path)
    path = tmp_path / "cert.pem"
    path.unlink()
    if content is not None:
        path.write_text(content)

    with pytest.raises(Unreachable, match=r"listen\.tls\.cert_file"):
        async with proxy_client(configured(*settings)):
            pass
