"""What is read again while the gateway runs."""

from pathlib import Path

import trustme
from structlog.testing import capture_logs

from gateway.app.readiness import certificate_check
from gateway.app.reload import Reload
from gateway.app.secrets import log_event
from gateway.secrets.ports import SecretsUnavailable
from gateway.server.certificates import Certificates
from gateway.server.options import TlsOptions
from tests.inprocess import Stack
from tests.secrets.scene import Provider, Scene


async def test_a_reload_says_what_changed(stack: Stack) -> None:
    """Nothing here has."""
    async with stack._session.post(f"http://{stack.running.admin}/reload") as response:
        said = await response.json()

    assert said == {"secrets": "unchanged", "certificate": "none"}


async def test_a_reload_says_why_the_old_certificate_stays(tmp_path: Path) -> None:
    """In its response, in the log (for SIGHUP has no response) and in readiness."""
    issued, other = (trustme.CA().issue_cert("localhost") for _ in range(2))
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    certificates = Certificates(
        TlsOptions(cert_file=str(cert), key_file=str(key)), log_event
    )
    before = certificate_check(certificates)
    reload = Reload(Scene(Provider("1")).watcher, certificates)
    other.private_key_pem.write_to_path(key)

    with capture_logs() as logs:
        said = await reload()

    (fault,) = said["faults"]
    after = certificate_check(certificates)
    assert said == {"secrets": "changed", "certificate": "refused", "faults": [fault]}
    assert str(cert) in fault
    assert str(key) in fault
    assert logs == [
        {"event": "certificate_refused", "detail": fault, "log_level": "error"}
    ]
    assert (before.reason, after.reason, after.ok) == ("in use", fault, True)


async def test_a_reload_says_why_the_secrets_could_not_be_read() -> None:
    """`unchanged` alone reads as if all were well."""
    gone = SecretsUnavailable("sealed", "Vault is sealed: unseal it")
    reload = Reload(Scene(Provider(gone)).watcher, Certificates(TlsOptions()))

    said = await reload()

    assert said == {
        "secrets": "unchanged",
        "certificate": "none",
        "faults": ["Vault is sealed: unseal it"],
    }
