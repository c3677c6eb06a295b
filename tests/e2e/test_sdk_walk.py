"""A loan from first contact to signature, through everything that goes wrong."""

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest
from dinie import Dinie

from tests.e2e.conftest import Start
from tests.e2e.simulated import Simulated, running_simulator
from tests.gateway_process import GatewayProcess
from tests.walk import WalkResult, walk_loan

pytestmark = pytest.mark.e2e

FAULTS = (
    {"kind": "status", "status": 429, "method": "POST", "path": "/loans"},
    {"kind": "status", "status": 500, "method": "POST", "path": "*/simulations"},
    {"kind": "reset_after", "method": "POST", "path": "/loans"},
    {"kind": "reset_before", "method": "POST", "path": "/customers"},
    {"kind": "cut_body", "method": "GET", "path": "/customers/*"},
    {"kind": "cut_body", "method": "POST", "path": "/loans", "chunked": True},
    {"kind": "token_expired", "method": "POST", "path": "*/kyc-attachments"},
    {"kind": "status", "status": 503, "body": "html", "path": "*/kyc-review"},
    {"kind": "status", "status": 502, "body": "empty", "path": "*/bank-account"},
    {"kind": "malformed_http", "method": "GET", "path": "*/credit-offers"},
)


@pytest.fixture
def simulated() -> Iterator[Simulated]:
    # A window of a second: nobody waits long for the quota after the 429.
    with running_simulator(profile="sdk", rate_window=1.0) as running:
        yield running


def walk(gateway: GatewayProcess, prefix: str, secret: str = "unused") -> WalkResult:
    """Walk with the official SDK: dummy credentials, another base URL."""
    base_url = f"http://127.0.0.1:{gateway.port}{prefix}"
    with httpx.Client(base_url=base_url, timeout=60) as http:
        client = Dinie(
            client_id="unused",
            client_secret=secret,
            base_url=base_url,
            http_client=http,
        )
        return walk_loan(client)


def one_of_each(simulated: Simulated) -> None:
    """Check that everything took effect exactly once."""
    dinie = simulated.dinie
    assert (dinie.count("customers"), dinie.count("loans")) == (1, 1)
    assert set(dinie.effects.values()) == {1}
    assert simulated.executed("/customers") == simulated.executed("/loans") == 1


def never_noticed(simulated: Simulated) -> None:
    """Check that the SDK's own retries had nothing to do."""
    names = {
        name.lower() for entry in simulated.dinie.journal for name, _ in entry.headers
    }
    assert "x-dinie-retry-count" not in names


@pytest.mark.parametrize("prefix", ["/api/v3", "/v3", ""])
def test_the_official_sdk_walks_through(
    start: Start, simulated: Simulated, prefix: str
) -> None:
    """A service changes its base URL and nothing else."""
    gateway = start(simulated.base_url)

    walked = walk(gateway, prefix)

    assert walked.loan_status == "awaiting_signatures"
    assert walked.uploads > 0
    one_of_each(simulated)
    gateway.stop()


def test_the_sdk_does_not_notice_what_goes_wrong(
    start: Start, simulated: Simulated
) -> None:
    """One customer and one loan, although every step failed once on its way."""
    gateway = start(simulated.base_url)
    for fault in FAULTS:
        simulated.dinie.fault(**fault)

    walked = walk(gateway, "/api/v3")

    assert walked.loan_status == "awaiting_signatures"
    assert simulated.faults() == {str(fault["kind"]) for fault in FAULTS}
    one_of_each(simulated)
    never_noticed(simulated)
    _told(gateway)
    gateway.stop()


@pytest.mark.parametrize("kind", ["reset_after", "cut_body", "malformed_http"])
def test_answers_lost_on_every_step_make_no_second_loan(
    start: Start, simulated: Simulated, kind: str
) -> None:
    """What was executed and lost is asked for again under its own key."""
    gateway = start(simulated.base_url)
    for path in ("/customers", "*/simulations", "/loans", "*/bank-account"):
        simulated.dinie.fault(kind=kind, method="POST", path=path, times=2)

    walk(gateway, "")

    counted = Counter(entry.fault for entry in simulated.dinie.journal if entry.fault)
    assert counted == {kind: 8}
    one_of_each(simulated)
    never_noticed(simulated)
    gateway.stop()


def test_only_the_gateway_knows_the_credential(
    start: Start, simulated: Simulated
) -> None:
    """A service that is broken into has nothing to give away."""
    gateway = start(simulated.base_url)

    walk(gateway, "", secret="stolen")

    minted = [
        entry for entry in simulated.dinie.journal if entry.target.endswith("/token")
    ]
    assert len(minted) == 1
    assert minted[0].status == 200
    gateway.stop()


def _told(gateway: GatewayProcess) -> None:
    """Check that the metrics tell what the caller did not see."""
    metrics = gateway.admin("/metrics")[1]
    for reason in ("429", "500", "dropped", "cut"):
        assert f'dinie_gateway_retries_total{{reason="{reason}"}}' in metrics
