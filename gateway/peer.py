"""Who is at the other end of a connection?"""

import asyncio
from ipaddress import IPv6Address, ip_address
from typing import Any


def is_local(remote: str | None) -> bool:
    """Return whether a peer is on this host; a Unix socket's has no address."""
    if not remote:
        return True
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
    for part in found.get("subject", ()):
        for name, value in part:
            if name == "commonName":
                return str(value)
    return None
