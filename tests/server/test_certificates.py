"""Certificates of the proxy listener."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import trustme

from gateway.server.certificates import Certificates


@dataclass
class Files:
    cert_file: str | None = None
    key_file: str | None = None
    client_ca_file: str | None = None


@pytest.fixture
def files(tmp_path: Path) -> Files:
    made = trustme.CA().issue_cert("localhost")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return Files(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))


def test_without_a_certificate_it_is_plain() -> None:
    """As in a sidecar."""
    made = Certificates(Files())

    assert (made.context, made.reload()) == (None, "none")


def test_a_bad_file_ends_the_start_and_no_later_reload(files: Files) -> None:
    """What is in use stays."""
    made = Certificates(files)
    good = made.reload()
    assert files.key_file is not None
    Path(files.key_file).write_text("nonsense")

    assert (good, made.reload()) == ("loaded", "refused")
    with pytest.raises(OSError, match=r"listen\.tls"):
        Certificates(files)
