"""One gateway for several services: each shows who it is, in its own way."""

import json
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientSession, TCPConnector

from tests.inprocess import EXTRA, Stack, running_stack
from tests.upstreams import ScriptedUpstream

pytestmark = pytest.mark.e2e
TOKEN = "gw_" + "b" * 40
CALLERS = [
    {"name": "billing", "token": "billing_token", "weight": 2},
    {"name": "crm", "certificate": "crm.svc"},
]


@asynccontextmanager
async def shared(
    base_url: str, folder: Path
) -> AsyncIterator[tuple[Stack, trustme.CA]]:
    """Run a gateway with TLS, and return who signs certificates."""
    ca = trustme.CA()
    server = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_pem.write_to_path(folder / "key.pem")
    server.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    EXTRA["DINIE_SECRET_BILLING_TOKEN"] = TOKEN
    try:
        async with running_stack(
            base_url,
            f"identity.callers={json.dumps(CALLERS)}",
            f"listen.tls.cert_file={folder / 'cert.pem'}",
            f"listen.tls.key_file={folder / 'key.pem'}",
            f"listen.tls.client_ca_file={folder / 'ca.pem'}",
        ) as stack:
            yield stack, ca
    finally:
        EXTRA.pop("DINIE_SECRET_BILLING_TOKEN", None)


def trusting(ca: trustme.CA, *, as_: str | None = None) -> ClientSession:
    """Return a client that trusts the gateway, with a certificate or without."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    if as_ is not None:
        ca.issue_cert(as_).configure_cert(context)
    return ClientSession(connector=TCPConnector(ssl=context))


async def test_callers_show_who_they_are(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """By token, by a bound token, by certificate, and by name on this host."""
    async with shared(upstream.base_url, tmp_path) as (stack, ca):
        port = stack.running.proxy.rpartition(":")[2] if stack.running.proxy else ""
        base = f"https://localhost:{port}"
        async with trusting(ca) as plain, trusting(ca, as_="crm.svc") as crm:
            asked = {"grant_type": "client_credentials", "client_secret": TOKEN}
            async with plain.post(f"{base}/v3/auth/token", json=asked) as answer:
                bound = (await answer.json())["access_token"]
            for bearer in (TOKEN, bound):
                headers = {"Authorization": f"Bearer {bearer}"}
                async with plain.get(f"{base}/v3/banks", headers=headers) as answer:
                    assert answer.status == 200
            async with crm.get(f"{base}/v3/banks") as answer:
                assert answer.status == 200
            wrong = {"Authorization": "Bearer gw_unknown"}
            async with plain.get(f"{base}/v3/banks", headers=wrong) as answer:
                refused = answer.status, answer.headers["X-Gateway-Error"]

        metrics = (await stack.admin("/metrics")).body.decode()

    assert refused == (401, "caller-unknown")
    counted = {
        name: [line for line in metrics.splitlines() if f'caller="{name}"' in line]
        for name in ("billing", "crm")
    }
    assert [line.rpartition(" ")[2] for line in counted["billing"]] == ["2.0"]
    assert [line.rpartition(" ")[2] for line in counted["crm"]] == ["1.0"]
    assert TOKEN not in metrics
    assert len(upstream.requests) == 3
    assert "gw_" not in str([one.headers for one in upstream.requests])


async def test_certificates_are_read_again(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """A new pair for connections to come; half a pair is refused."""
    async with (
        shared(upstream.base_url, tmp_path) as (stack, _),
        ClientSession() as session,
    ):

        async def reload() -> str:
            async with session.post(f"http://{stack.running.admin}/reload") as answer:
                return str((await answer.json())["certificate"])

        same = await reload()
        other = trustme.CA().issue_cert("localhost")
        other.private_key_pem.write_to_path(tmp_path / "key.pem")
        half = await reload()

    assert (same, half) == ("loaded", "refused")


async def test_two_callers_with_one_key_make_two_loans(
    upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Keys are partner-wide at Dinie: the second caller would read the first's loan."""
    async with shared(upstream.base_url, tmp_path) as (stack, ca):
        port = stack.running.proxy.rpartition(":")[2] if stack.running.proxy else ""
        url = f"https://localhost:{port}/v3/loans"
        key = {"Idempotency-Key": "order-1"}
        token = {"Authorization": f"Bearer {TOKEN}"}
        async with trusting(ca) as plain, trusting(ca, as_="crm.svc") as crm:
            async with plain.post(url, json={"a": 1}, headers=key | token) as answer:
                first = answer.status, answer.headers["Idempotency-Key"]
            async with crm.post(url, json={"b": 2}, headers=key) as answer:
                second = answer.status, answer.headers["Idempotency-Key"]

    assert (first, second) == ((200, "order-1"), (200, "order-1"))
    assert [one.all("Idempotency-Key") for one in upstream.requests] == [
        ["billing:order-1"],
        ["crm:order-1"],
    ]
