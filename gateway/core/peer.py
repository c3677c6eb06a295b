"""Reads a peer's host and the name in its client certificate."""

import asyncio
import socket
from ipaddress import IPv6Address, ip_address
from typing import Any


def is_local(remote: str | None, transport: asyncio.Transport | None) -> bool:
    """Return whether a peer is on this host.

    The peer of a Unix socket has no address, and neither has a remote peer that reset
    the connection before it was accepted. So the family of the socket decides.
    """
    if not remote:
        sock: Any = transport.get_extra_info("socket") if transport else None
        return getattr(sock, "family", None) == socket.AF_UNIX
    try:
        address = ip_address(remote.partition("%")[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def certificate_name(transport: asyncio.Transport | None) -> str | None:
    """Return the name in a verified client certificate; None: there is none.

    The first DNS or URI name, as workloads have them (RFC 6125, SPIFFE), else the
    common name.
    """
    found: Any = transport.get_extra_info("peercert") if transport is not None else None
    if not found:
        return None
    for kind, value in found.get("subjectAltName", ()):
        if kind in {"DNS", "URI"}:
            return str(value)
    if found.get("subjectAltName"):
        return None  # RFC 6125: the common name counts only where there is no other
    for part in found.get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return None
