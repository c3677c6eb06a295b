"""A loan by curl alone: no credentials, no keys, no SDK."""

import shutil
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.e2e.conftest import Start
from tests.e2e.simulated import Simulated, running_simulator
from tests.walk import PDF

CURL = shutil.which("curl")
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(CURL is None, reason="curl is not installed"),
]

FAULTS = (
    {"kind": "reset_after", "method": "POST", "path": "/customers", "times": 2},
    {"kind": "status", "status": 500, "method": "POST", "path": "*/kyc-attachments"},
    {"kind": "token_expired", "method": "POST", "path": "*/simulations"},
    {"kind": "cut_body", "method": "POST", "path": "/loans"},
    {"kind": "status", "status": 429, "method": "GET", "path": "/loans/*"},
)


@pytest.fixture
def simulated() -> Iterator[Simulated]:
    with running_simulator(profile="sdk", rate_window=1.0) as running:
        yield running


class Curl:
    """A shell user."""

    def __init__(self, port: int, folder: Path) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self.document = folder / "document.pdf"
        self.document.write_bytes(PDF)

    def __call__(self, path: str, *options: str) -> dict[str, Any]:
        assert CURL is not None
        command = [CURL, "--silent", "--show-error", "--fail-with-body", "--max-time"]
        done = subprocess.run(  # noqa: S603 - the caller under test
            [*command, "20", *options, self._base + path],
            capture_output=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 0, (path, done.stdout, done.stderr)
        fields: dict[str, Any] = orjson.loads(done.stdout) if done.stdout else {}
        return fields

    def post(self, path: str, **fields: object) -> dict[str, Any]:
        return self(path, "--json", orjson.dumps(fields).decode())


def walk(curl: Curl) -> dict[str, Any]:
    """Bring a loan to its signature; return it."""
    customer = curl.post(
        "/customers",
        cpf="123.456.789-09",
        cnpj="12.345.678/0001-95",
        email="ana@example.com",
        phone="+5511999999999",
    )
    mine = f"/customers/{customer['id']}"
    for item in curl(mine)["kyc"]:
        upload(curl, mine, item)
    curl(f"{mine}/kyc-review", "--request", "POST")
    account = {
        "bank_id": "001",
        "branch": "0001",
        "number": "1234567",
        "digit": "0",
        "kind": "checking",
    }
    curl.post(f"{mine}/bank-account", bank_account=account)
    offer = curl(f"{mine}/credit-offers")["data"][0]["id"]
    simulation = curl.post(
        f"/credit-offers/{offer}/simulations",
        requested_amount=25000.0,
        installment_count=4,
    )
    loan = curl.post(
        "/loans",
        credit_offer_id=offer,
        simulation_id=simulation["id"],
        first_due_date=simulation["first_due_date"],
        installment_count=simulation["installment_count"],
        installment_amount=simulation["installment_amount"],
    )
    return curl(f"/loans/{loan['id']}")


def upload(curl: Curl, mine: str, item: dict[str, str]) -> None:
    """Upload what an item asks for, but the selfie: it needs a session."""
    kind = item["requirement_type"]
    if kind == "selfie":
        return
    evidence = {"identity": "cnh", "company_document": "ccmei"}.get(kind, kind)
    form = {
        "requirement_id": item["requirement_id"],
        "evidence_type": evidence,
        "attachment_type": "email" if kind == "email" else "file",
        "value" if kind == "email" else "file": (
            "ana@example.com" if kind == "email" else f"@{curl.document}"
        ),
    }
    options = [("--form", f"{name}={value}") for name, value in form.items()]
    curl(f"{mine}/kyc-attachments", *chain(*options))


@pytest.mark.parametrize("faults", [(), FAULTS], ids=["fair-weather", "foul-weather"])
def test_curl_walks_through_without_credentials_or_keys(
    start: Start,
    simulated: Simulated,
    tmp_path: Path,
    faults: tuple[dict[str, object], ...],
) -> None:
    """Nothing of tokens, keys and retries is left for the caller to know."""
    gateway = start(simulated.base_url)
    for fault in faults:
        simulated.dinie.fault(**fault)

    loan = walk(Curl(gateway.port, tmp_path))

    dinie = simulated.dinie
    assert loan["status"] == "awaiting_signatures"
    assert simulated.faults() == {fault["kind"] for fault in faults}
    assert (dinie.count("customers"), dinie.count("loans")) == (1, 1)
    assert simulated.executed("/customers") == simulated.executed("/loans") == 1
    assert set(dinie.effects.values()) == {1}
    gateway.stop()
