"""Reaches the proxy listener of the gateway that runs on this host.

The listener may be a Unix socket, use TLS, and ask callers for proofs. A command reads
them from the configuration that the gateway was started with.
"""

import hashlib
import os
import re
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final

from aiohttp import (
    BaseConnector,
    ClientRequest,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    Fingerprint,
    ServerFingerprintMismatch,
    TCPConnector,
    UnixConnector,
)
from aiohttp.client_proto import ResponseHandler

from gateway.config.providers import build_provider
from gateway.config.schema import Config
from gateway.core.address import Address
from gateway.identity.policy import Callers
from gateway.secrets.ports import SecretsUnavailable

_TIMEOUT: Final = 60.0  # s
_CERTIFICATE: Final = re.compile(
    r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL
)
_ANY: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to connect


class Unreachable(Exception):  # noqa: N818 - named for what happened
    """The configuration leads to no gateway; the text says why."""


@dataclass(frozen=True, slots=True)
class ProxyClient:
    """A session to the gateway, and the base URL of its requests."""

    session: ClientSession
    base_url: str  # ends with one of the accepted prefixes
    where: str  # the listener, for messages


@asynccontextmanager
async def proxy_client(
    config: Config, *, caller: str | None = None
) -> AsyncIterator[ProxyClient]:
    """Open a session to the gateway; inside a running loop.

    Args:
        config: Of the gateway.
        caller: The caller to act as; None: any that the gateway accepts.

    Raises:
        Unreachable: The configuration leads to no gateway.
    """
    address = config.listen.proxy
    if address.off or address.port == 0:
        raise Unreachable("listen.proxy must be host:port or unix:/path, as it runs")
    connector, scheme = _connector(config, address)
    async with ClientSession(
        connector=connector,
        headers=await _caller_headers(config, address, caller),
        timeout=ClientTimeout(total=_TIMEOUT),
        cookie_jar=DummyCookieJar(),
        trust_env=False,
    ) as session:
        prefix = next(iter(config.upstream.accepted_prefixes), "")
        yield ProxyClient(
            session, f"{scheme}://{_authority(address)}{prefix}", str(address)
        )


def no_response(client: ProxyClient, error: BaseException) -> str:
    """Return a message about a request that got no response."""
    if isinstance(error, ServerFingerprintMismatch):
        return (
            f"the server at {client.where} shows another certificate than "
            "listen.tls.cert_file: reload the gateway, or check what listens there"
        )
    return f"no gateway responds at {client.where}: start it"


def _authority(address: Address) -> str:
    """Return where to connect; a listener on all addresses is reached on loopback."""
    if address.host is None:
        return "localhost"
    return str(Address(_ANY.get(address.host, address.host), address.port))


class _TlsUnixConnector(UnixConnector):
    """A Unix socket with TLS, which aiohttp's own connector does not support."""

    def __init__(self, path: str, certificate: Fingerprint) -> None:
        super().__init__(path)
        self._certificate = certificate
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.check_hostname = False
        self._context.verify_mode = ssl.CERT_NONE  # the fingerprint is compared instead

    async def _create_connection(
        self,
        req: ClientRequest,
        traces: Any,
        timeout: ClientTimeout,  # noqa: ASYNC109 - aiohttp calls it so
    ) -> ResponseHandler:
        del req, traces, timeout
        transport, protocol = await self._loop.create_unix_connection(
            self._factory, self._path, ssl=self._context, server_hostname="localhost"
        )
        try:
            self._certificate.check(transport)
        except BaseException:
            transport.abort()
            raise
        return protocol


def _connector(config: Config, address: Address) -> tuple[BaseConnector, str]:
    """Return a connector to the listener, and the scheme of its URLs."""
    cert_file = config.listen.tls.cert_file
    if cert_file is None:
        plain = UnixConnector(address.path) if address.path else TCPConnector()
        return plain, "http"
    certificate = _own_certificate(cert_file)
    if address.path is not None:
        return _TlsUnixConnector(address.path, certificate), "https"
    return TCPConnector(ssl=certificate), "https"


def _own_certificate(cert_file: str) -> Fingerprint:
    """Return a fingerprint that matches the gateway's own certificate only.

    Its names and its issuer are not checked: they are for callers on other hosts.
    """
    try:
        found = _CERTIFICATE.search(Path(cert_file).read_text("ascii", "replace"))
        der = ssl.PEM_cert_to_DER_cert(found[0]) if found else b""
    except (OSError, ValueError) as error:
        raise Unreachable(
            f"listen.tls.cert_file: {type(error).__name__}; this user must read it"
        ) from None
    if not der:
        raise Unreachable("listen.tls.cert_file holds no certificate")
    return Fingerprint(hashlib.sha256(der).digest())


async def _caller_headers(
    config: Config, address: Address, caller: str | None
) -> Mapping[str, str]:
    """Return the headers that identify the caller, as the listener asks for them."""
    named = {"X-Gateway-Caller": caller} if caller else {}
    callers = Callers(config.identity, service=config.service)
    if not callers.have_proofs or _is_local(address):
        return named
    provider = build_provider(config.secrets, os.environ)
    try:
        tokens = callers.tokens((await provider.read()).fields)
    except SecretsUnavailable as error:
        raise Unreachable(f"secrets from {provider.name}: {error.detail}") from None
    finally:
        await provider.close()
    for name, token in tokens:
        if caller in {None, name}:
            return {"Authorization": f"Bearer {token}"}
    raise Unreachable(
        f"listen.proxy is not on loopback, and {caller or 'no caller'} has no token: "
        "let the gateway listen on all addresses, or on a Unix socket"
    )


def _is_local(address: Address) -> bool:
    """Return whether the gateway sees that the command runs on its host."""
    if address.host is None or address.host in _ANY or address.host == "localhost":
        return True
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return False
