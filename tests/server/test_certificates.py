"""Certificates of the proxy listener."""

import asyncio
import socket
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
import trustme

from gateway.server.certificates import Certificates
from gateway.server.options import TlsOptions


@pytest.fixture
def files(tmp_path: Path) -> TlsOptions:
    made = trustme.CA().issue_cert("localhost")
    made.private_key_pem.write_to_path(tmp_path / "key.pem")
    made.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    return TlsOptions(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))


def test_without_a_certificate_it_is_plain() -> None:
    """As in a sidecar."""
    made = Certificates(TlsOptions())

    assert (made.context, made.reload()) == (None, "none")


def test_a_bad_file_ends_the_start_and_no_later_reload(files: TlsOptions) -> None:
    """What is in use stays."""
    made = Certificates(files)
    good = made.reload()
    assert files.key_file is not None
    Path(files.key_file).write_text("nonsense")

    assert (good, made.reload()) == ("loaded", "refused")
    with pytest.raises(OSError, match=r"listen\.tls"):
        Certificates(files)


def of_another(path: Path, name: str) -> None:
    """Put a key or a certificate of another issue in place of ours."""
    other = trustme.CA().issue_cert("localhost")
    if name == "key.pem":
        other.private_key_pem.write_to_path(path / name)
    else:
        other.cert_chain_pems[0].write_to_path(path / name)


@pytest.mark.parametrize("name", ["key.pem", "cert.pem"])
def test_a_pair_that_does_not_match_is_said_with_its_paths(
    files: TlsOptions, tmp_path: Path, name: str
) -> None:
    """One of two files was replaced: the old pair goes on, and runs out unseen."""
    said: list[tuple[str, dict[str, object]]] = []
    made = Certificates(files, lambda event, **more: said.append((event, more)))
    of_another(tmp_path, name)

    result = made.reload()

    pair = f"{files.cert_file} (cert_file) and {files.key_file} (key_file)"
    assert result == "refused"
    assert made.trouble == f"listen.tls: {pair} do not belong together"
    assert said == [("certificate_refused", {"detail": made.trouble})]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        pytest.param("key.pem", None, "key.pem is missing", id="no-key"),
        pytest.param("cert.pem", None, "cert.pem is missing", id="no-certificate"),
        pytest.param("ca.pem", None, "ca.pem is missing", id="no-ca"),
        pytest.param("cert.pem", "x", "that can be used", id="no-pem"),
        pytest.param("ca.pem", "x", "ca.pem holds no certificate", id="ca-no-pem"),
        pytest.param("ca.pem", "", "ca.pem holds no certificate", id="ca-empty"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(
    files: TlsOptions, tmp_path: Path, name: str, content: str | None, says: str
) -> None:
    """OpenSSL's own words name no file."""
    trustme.CA().cert_pem.write_to_path(tmp_path / "ca.pem")
    made = Certificates(replace(files, client_ca_file=str(tmp_path / "ca.pem")))
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(content)

    assert made.reload() == "refused"
    assert made.trouble is not None
    assert says in made.trouble


def test_a_good_pair_ends_the_trouble(files: TlsOptions, tmp_path: Path) -> None:
    """What was mended must not stand in /readyz."""
    made = Certificates(files)
    of_another(tmp_path, "key.pem")
    made.reload()
    issued = trustme.CA().issue_cert("localhost")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")

    assert (made.reload(), made.trouble) == ("loaded", None)


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


async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
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
    made = Certificates(TlsOptions(*names))
    server = await asyncio.start_server(respond, "127.0.0.1", 0, ssl=made.context)
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
