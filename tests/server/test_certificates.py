"""Certificates of the proxy listener."""

import asyncio
import socket
import ssl
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


def shake(port: int, issued: trustme.LeafCert, trust: trustme.CA, tls: object) -> str:
    """Return what the server says after a handshake: y, n, or nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.maximum_version = tls  # type: ignore[assignment]
    trust.configure_trust(context)
    issued.configure_cert(context)
    try:
        with (
            socket.create_connection(("127.0.0.1", port), 5) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as wrapped,
        ):
            wrapped.send(b"a")
            return wrapped.recv(1).decode()
    except (ssl.SSLError, ConnectionError):
        return ""


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"y" if writer.get_extra_info("peercert") else b"n")
    writer.close()


async def test_a_reload_takes_the_trust_in_a_client_ca_back(tmp_path: Path) -> None:
    """Also from who had a session; and it gives its trust to the new one."""
    ours, old, new = trustme.CA(), trustme.CA(), trustme.CA()
    served = ours.issue_cert("localhost")
    served.private_key_pem.write_to_path(tmp_path / "key.pem")
    served.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    old.cert_pem.write_to_path(tmp_path / "ca.pem")
    names = [str(tmp_path / name) for name in ("cert.pem", "key.pem", "ca.pem")]
    made = Certificates(Files(*names))
    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=made.context)
    port = server.sockets[0].getsockname()[1]
    newest, older = ssl.TLSVersion.MAXIMUM_SUPPORTED, ssl.TLSVersion.TLSv1_2

    async def both(tls: object = newest) -> list[str]:
        issued = [ca.issue_cert("crm.svc") for ca in (old, new)]
        return [await asyncio.to_thread(shake, port, one, ours, tls) for one in issued]

    async with server:
        before = await both()
        new.cert_pem.write_to_path(tmp_path / "ca.pem")
        assert made.reload() == "loaded"
        after, resumable = await both(), await both(older)

    assert (before, after, resumable) == (["y", ""], ["", "y"], ["", ""])
