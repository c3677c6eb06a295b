"""An outcome that nobody knows is settled from the command line, whoever's it is."""

import asyncio
import json
import ssl
from pathlib import Path

import pytest
import trustme
from aiohttp import ClientSession, TCPConnector
from click.testing import CliRunner

from gateway.cli import cli
from tests.inprocess import EXTRA, running_stack
from tests.upstreams import DROP, ScriptedUpstream, Step, answer

pytestmark = pytest.mark.e2e
BODY = b'{"amount": 5}'
CALLERS = [
    {"name": "billing", "token": "billing_token"},
    {"name": "crm", "certificate": "crm.svc"},
]


def shared(folder: Path, ca: trustme.CA) -> tuple[str, ...]:
    """Return the settings of a gateway with TLS that asks callers for proofs."""
    server = ca.issue_cert("localhost")
    ca.cert_pem.write_to_path(folder / "ca.pem")
    server.private_key_pem.write_to_path(folder / "key.pem")
    server.cert_chain_pems[0].write_to_path(folder / "cert.pem")
    return (
        f"identity.callers={json.dumps(CALLERS)}",
        f"listen.tls.cert_file={folder / 'cert.pem'}",
        f"listen.tls.key_file={folder / 'key.pem'}",
        f"listen.tls.client_ca_file={folder / 'ca.pem'}",
        f"storage.sqlite_path={folder / 'gateway.db'}",
    )


async def lend(port: str, ca: trustme.CA) -> int:
    """Ask for a loan as `crm`, by its certificate; return the status."""
    context = ssl.create_default_context()
    ca.configure_trust(context)
    ca.issue_cert("crm.svc").configure_cert(context)
    headers = {"Idempotency-Key": "order-1", "Content-Type": "application/json"}
    async with (
        ClientSession(connector=TCPConnector(ssl=context)) as crm,
        crm.post(
            f"https://localhost:{port}/v3/loans", data=BODY, headers=headers
        ) as answered,
    ):
        return answered.status


def ledger(settings: tuple[str, ...], *arguments: str) -> str:
    """Run the command; return what it says."""
    given = (f"--set={one}" for one in settings)
    return CliRunner().invoke(cli, ["ledger", *arguments, *given]).output.strip()


async def test_a_callers_lost_loan_is_settled_through_a_listener_with_tls(
    upstream: ScriptedUpstream, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under its own key as Dinie saw it, on a gateway that asks callers for proofs."""
    ca = trustme.CA()
    settings = shared(tmp_path, ca)
    files = [tmp_path / "another", tmp_path / "body"]
    files[0].write_bytes(b'{"amount": 6}')
    files[1].write_bytes(BODY)
    monkeypatch.setitem(EXTRA, "DINIE_SECRET_BILLING_TOKEN", "gw_" + "b" * 40)
    upstream.script(*[DROP] * 4)
    upstream.default = Step(answer(201, b"{}"))
    durable = (*settings, "idempotency.durable=true")
    async with running_stack(upstream.base_url, *durable) as stack:
        proxy = str(stack.running.proxy)
        here = (*settings, f"listen.proxy={proxy}")
        status = await lend(proxy.rpartition(":")[2], ca)
        await asyncio.sleep(0.9)  # until the outcome is folded
        listed = await asyncio.to_thread(ledger, here, "list")
        resolve = ("resolve", "crm:order-1", "--body")
        said = [
            await asyncio.to_thread(ledger, here, *resolve, str(one)) for one in files
        ]

    assert status == 504
    assert " POST /loans  crm:order-1  " in listed
    assert said == [
        "Not settled: idempotency-key-reused.",
        "Settled: Dinie responded 201.",
    ]
    keys = [one.all("Idempotency-Key") for one in upstream.requests]
    assert keys == [["crm:order-1"]] * 5
    assert upstream.requests[-1].body == BODY
