"""The conditions of readiness: what each waits for, and the reason that it gives."""

from pathlib import Path

import trustme

from gateway.admission.spool import Spool
from gateway.app.readiness import (
    certificate_check,
    secrets_check,
    spool_check,
    token_check,
)
from gateway.credentials.policy import Transient
from gateway.credentials.token_source import TokenSource
from gateway.secrets.env import EnvProvider
from gateway.secrets.watcher import SecretWatcher
from gateway.server.certificates import Certificates
from gateway.server.options import TlsOptions
from tests.fakes import (
    FakeClock,
    FakeSecrets,
    FakeTokenEndpoint,
    FakeTokenObserver,
)


async def test_readiness_says_what_is_missing_and_then_that_it_is_there() -> None:
    """A rollout that does not proceed is looked up here first."""
    clock = FakeClock()
    keeper = SecretWatcher(
        EnvProvider({"DINIE_CLIENT_ID": "dinie_ci_test_x"}),
        guard=lambda _: [],
        clock=clock,
        interval=60.0,
        random=lambda: 0.0,
        on_event=lambda *_, **__: None,
    )
    before = secrets_check(keeper)

    await keeper.refresh("test")

    after = secrets_check(keeper)
    assert (before.ok, before.reason) == (False, "no secrets have been read yet")
    assert (after.ok, "client_secret" in after.reason) == (False, True)


async def test_a_token_once_had_keeps_the_gateway_ready() -> None:
    """An outage of the token endpoint must not take every pod out of service."""
    endpoint = FakeTokenEndpoint()
    tokens = TokenSource(
        endpoint,
        FakeSecrets(),
        clock=FakeClock(),
        random=lambda: 0.0,
        observer=FakeTokenObserver(),
    )
    before = token_check(tokens)

    await tokens.step()

    assert (before.ok, token_check(tokens).ok) == (False, True)


async def test_readiness_names_the_token_endpoint_s_retry_after() -> None:
    """The reason names who asked for the wait, and how long it lasts."""
    clock = FakeClock()
    tokens = TokenSource(
        FakeTokenEndpoint(Transient("status_4xx", 20.0)),
        FakeSecrets(),
        clock=clock,
        random=lambda: 0.0,
        observer=FakeTokenObserver(),
    )
    await tokens.step()
    clock.advance(2.0)

    check = token_check(tokens)

    assert not check.ok
    assert "asks to wait 18 s more (Retry-After)" in check.reason


def test_a_folder_in_trouble_makes_unready() -> None:
    """Large bodies are refused until the disk has room again."""
    spool = Spool(folder="/spill")
    good = spool_check(spool)

    spool.trouble = "/spill cannot be written"

    bad = spool_check(spool)
    assert (good.ok, bad.ok, bad.reason) == (True, False, "/spill cannot be written")


def test_a_refused_certificate_is_a_reason_and_keeps_the_gateway_ready(
    tmp_path: Path,
) -> None:
    """The one from before still serves; who looks why a rotation had no effect sees."""
    issued = trustme.CA().issue_cert("localhost")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    certificates = Certificates(TlsOptions(cert_file=str(cert), key_file=str(key)))
    before = certificate_check(certificates)
    key.write_text("no key")

    certificates.reload()

    after = certificate_check(certificates)
    assert (before.reason, after.ok) == ("in use", True)
    assert str(key) in after.reason
