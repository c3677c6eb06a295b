"""Name resolution with one thread for each name that is being looked up.

The event loop resolves names on a few threads that the whole process shares. The
system's resolver cannot be interrupted and takes 10 s and longer where no name server
responds, so that a few dead names would stop the resolution of all others. Here no name
waits for another, and each has at most one lookup under way: there are as many threads
as configured names that are being looked up. Addresses stay in use while their name is
looked up again. The lookup is the system's own, so that `/etc/hosts`, search domains
and `nsswitch.conf` apply as for every other program.
"""

import asyncio
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp.abc import AbstractResolver, ResolveResult

_FRESH: Final = 15.0  # s for which addresses are used without another lookup
_STALE: Final = 300.0  # s for which they are used while another lookup has no result
_TIMEOUT: Final = 3.0  # s for which a caller waits for the first result
_NUMERIC: Final = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV

_Key = tuple[str, int, int]


@dataclass(slots=True)
class _Name:
    """The state of one name."""

    addresses: list[ResolveResult] = field(default_factory=list)
    found: float = float("-inf")  # s, of the loop's clock
    lookup: asyncio.Future[list[ResolveResult]] | None = None
    used: int = 0  # times; rotates several addresses


class Resolver(AbstractResolver):
    """Implements aiohttp's resolver; its connector needs no cache of its own."""

    def __init__(
        self,
        *,
        timeout: float = _TIMEOUT,
        fresh: float = _FRESH,
        stale: float = _STALE,
    ) -> None:
        """Hold no name yet; inside a running loop.

        Args:
            timeout: s for which a caller waits for a name's first result.
            fresh: s for which addresses are used without another lookup.
            stale: s for which they are used while another lookup has no result.
        """
        self._loop = asyncio.get_running_loop()
        self._timeout = timeout
        self._fresh = fresh
        self._stale = stale
        self._names: dict[_Key, _Name] = {}  # those of the configuration

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a name, rotated by one at each call.

        Args:
            host: The name.
            port: Of each result.
            family: Of each address.

        Raises:
            OSError: there are none, or no name server responded in time.
        """
        key = host, port, int(family)
        name = self._names.setdefault(key, _Name())
        age = self._loop.time() - name.found
        if age >= self._fresh and name.lookup is None:
            name.lookup = self._begin(key, name)
        if name.addresses and age < self._stale:
            return _rotated(name)
        lookup = name.lookup
        assert lookup is not None  # noqa: S101 - begun above, or before
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(lookup)
        except TimeoutError:
            raise socket.gaierror(
                socket.EAI_AGAIN, "no name server answered in time"
            ) from None
        return _rotated(name)

    async def close(self) -> None:
        """Drop all names; a lookup under way ends with its thread."""
        self._names.clear()

    def _begin(self, key: _Key, name: _Name) -> asyncio.Future[list[ResolveResult]]:
        """Start a lookup.

        Raises:
            OSError: no thread can be started.
        """
        lookup: asyncio.Future[list[ResolveResult]] = self._loop.create_future()

        def done(result: list[ResolveResult] | Exception) -> None:
            name.lookup = None
            if isinstance(result, Exception):
                lookup.set_exception(result)
                lookup.exception()  # marks it as retrieved: no caller may be waiting
            else:
                name.addresses, name.found = result, self._loop.time()
                lookup.set_result(result)

        def run() -> None:
            result = _look_up(key)
            with suppress(RuntimeError):  # the loop is closed
                self._loop.call_soon_threadsafe(done, result)

        # A daemon: the end of the process does not wait for a name server.
        thread = threading.Thread(target=run, name="resolver", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise socket.gaierror(socket.EAI_AGAIN, str(error)) from None
        return lookup


def _rotated(name: _Name) -> list[ResolveResult]:
    first = name.used % len(name.addresses)
    name.used += 1
    return name.addresses[first:] + name.addresses[:first]


def _look_up(key: _Key) -> list[ResolveResult] | Exception:
    """Return the addresses that the system finds, or why it finds none."""
    host, port, family = key
    try:
        found = socket.getaddrinfo(
            host,
            port,
            type=socket.SOCK_STREAM,
            family=family,
            flags=socket.AI_ADDRCONFIG,
        )
    except UnicodeError:  # a label that is empty or too long
        return socket.gaierror(socket.EAI_NONAME, "the name is malformed")
    except OSError as error:
        return error
    results = [_result(host, one) for one in found]
    if not results:
        return socket.gaierror(socket.EAI_NONAME, "the name has no address")
    return results


def _result(host: str, info: tuple[Any, Any, int, str, Any]) -> ResolveResult:
    family, _, proto, _, (address, port, *more) = info
    if len(more) > 1 and more[1]:  # a link-local address needs its scope
        address = f"{address}%{more[1]}"
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=proto,
        flags=_NUMERIC,
    )
