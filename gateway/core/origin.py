"""Recognises requests of web pages, which a listener on loopback refuses. Pure.

A browser on this host can reach every port of loopback: any page may have it send a
POST, and a name that resolves to 127.0.0.1 (DNS rebinding) lets the page read the
response too. A page cannot remove the headers that show this: `Origin`,
`Sec-Fetch-Site` and `Host`.
Sources: Fetch standard, 3.2 "Origin header"; Fetch Metadata, 2.4.
"""

import re
from collections.abc import Iterable, Mapping
from ipaddress import IPv6Address, ip_address
from typing import Final

_OTHER_PAGES: Final = frozenset({"cross-site", "same-site"})
_CACHED: Final = 256  # verdicts on Host values
_LONGEST: Final = 253  # characters of a host name


class OriginRule:
    """Decides which requests of a listener are refused as a web page's."""

    def __init__(
        self, *, hosts: Iterable[str] | None, same_site: bool, remote_pages: bool
    ) -> None:
        """Set the rule of one listener.

        Args:
            hosts: Further names that `Host` may have beside loopback's; None: any name
                passes, because the listener is not a port of loopback.
            same_site: Whether `Sec-Fetch-Site: same-site` passes, which is what
                another port of localhost is.
            remote_pages: Whether the caller of `refusal` may let a page's request pass
                when it comes from another host, where a proof is needed that no page
                has.
        """
        self._hosts = None if hosts is None else frozenset(map(plain_host, hosts))
        self._refused_sites = frozenset({"cross-site"}) if same_site else _OTHER_PAGES
        self.remote_pages = remote_pages
        self._verdicts: dict[str | None, bool] = {}  # cleared at _CACHED entries

    def refusal(self, headers: Mapping[str, str]) -> str | None:
        """Return why a request is refused, without its values; None: it is not."""
        host = headers.get("Host")
        known = self._verdicts.get(host)
        if known is None:
            known = self._keep(host)
        if not known:
            return "the Host is not loopback's: name it in listen.hosts"
        return self._page(headers)

    def _page(self, headers: Mapping[str, str]) -> str | None:
        if "Origin" in headers:
            return "a request with an Origin comes from a web page"
        site = headers.get("Sec-Fetch-Site")
        if site is not None and site.strip().lower() in self._refused_sites:
            return "a request from another site comes from a web page"
        return None

    def _keep(self, host: str | None) -> bool:
        verdict = self._hosts is None or host is None or self._own(host)
        if len(self._verdicts) >= _CACHED:
            self._verdicts.clear()
        if host is None or len(host) <= _LONGEST:
            self._verdicts[host] = verdict
        return verdict

    def _own(self, host: str) -> bool:
        assert self._hosts is not None  # noqa: S101 - checked by the caller
        name = plain_host(host)
        return is_loopback(name) or name in self._hosts


def proxy_rule(host: str | None, hosts: Iterable[str]) -> OriginRule:
    """Return the rule of a proxy listener.

    Args:
        host: It listens on; None: a Unix socket.
        hosts: `listen.hosts`.
    """
    loopback = host is not None and is_loopback(plain_host(host))
    return OriginRule(
        hosts=hosts if loopback else None,
        same_site=False,
        remote_pages=host is not None and not loopback,
    )


def admin_rule(host: str | None, hosts: Iterable[str]) -> OriginRule:
    """Return the rule of an admin listener; the arguments are `proxy_rule`'s.

    A link to the status page from another port passes: no GET changes anything there.
    """
    loopback = host is not None and is_loopback(plain_host(host))
    return OriginRule(
        hosts=hosts if loopback else None, same_site=True, remote_pages=False
    )


def plain_host(host: str) -> str:
    """Return a `Host` as rules see it: lower case, without port, brackets, last dot.

    A text that is no host and port is returned as it is, and so fits no rule.
    """
    lower = host.strip().lower()
    name, colon, port = lower.rpartition(":")
    if lower.startswith("["):
        name, bracket, port = lower[1:].partition("]")
        whole = bracket and (not port or (port[0] == ":" and _is_port(port[1:])))
        return name if whole else lower
    if not colon or ":" in name:  # no port, or an IPv6 address without brackets
        return lower.removesuffix(".")
    return name.removesuffix(".") if _is_port(port) else lower


def is_host(text: str) -> bool:
    """Return whether a text is a host name or an address, and nothing more."""
    name = plain_host(text)
    if re.fullmatch(r"[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", name):
        return plain_host(f"{text}:1") == name  # false for a text with a port
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def is_loopback(name: str) -> bool:
    """Return whether a plain name or address can only be this host's own."""
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761 6.3
        return True
    try:
        address = ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


def _is_port(text: str) -> bool:
    return not text or (text.isascii() and text.isdigit())
