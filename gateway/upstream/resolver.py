"""Name resolution with one thread for each name that is being looked up.

The event loop resolves names on a few threads that everything in the process shares.
The system's resolver cannot be interrupted and takes 10 s and longer where no name
server answers, so that a few dead names would stop the resolution of all others.
Here a name waits for no other name, and has one lookup under way at most: as many
threads exist as configured names are being looked up. An address that was found is
used on while it is looked up again. The system's own resolver is asked, so that
`/etc/hosts`, search domains and `nsswitch.conf` hold as for every other program.
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
    used: int = 0  # times; whose turn it is among several addresses


class Resolver(AbstractResolver):
    """Implements aiohttp's resolver; its connector needs no cache of its own."""

    def __init__(
        self,
        *,
        timeout: float = _TIMEOUT,
        fresh: float = _FRESH,
        stale: float = _STALE,
    ) -> None:
        """Take the spans, inside a running loop.

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
        """Return the addresses of a name, another one first each time.

        Raises:
            OSError: there are none, or no name server told in time.
        """
        key = host, port, int(family)
        name = self._names.setdefault(key, _Name())
        age = self._loop.time() - name.found
        if age >= self._fresh and name.lookup is None:
            name.lookup = self._begin(key, name)
        if name.addresses and age < self._stale:
            return _in_turn(name)
        lookup = name.lookup
        assert lookup is not None  # noqa: S101 - begun above, or before
        try:
            async with asyncio.timeout(self._timeout):
                await asyncio.shield(lookup)
        except TimeoutError:
            raise socket.gaierror(
                socket.EAI_AGAIN, "no name server answered in time"
            ) from None
        return _in_turn(name)

    async def close(self) -> None:
        """Keep nothing; a lookup under way ends with its thread."""
        self._names.clear()

    def _begin(self, key: _Key, name: _Name) -> asyncio.Future[list[ResolveResult]]:
        """Start a lookup.

        Raises:
            OSError: there is no thread to be had.
        """
        lookup: asyncio.Future[list[ResolveResult]] = self._loop.create_future()

        def done(result: list[ResolveResult] | Exception) -> None:
            name.lookup = None
            if isinstance(result, Exception):
                lookup.set_exception(result)
                lookup.exception()  # it may be that nobody waits
            else:
                name.addresses, name.found = result, self._loop.time()
                lookup.set_result(result)

        def run() -> None:
            result = _look_up(key)
            with suppress(RuntimeError):  # the loop is gone, and so is who waits
                self._loop.call_soon_threadsafe(done, result)

        # A daemon: the end of the process waits for no name server.
        thread = threading.Thread(target=run, name="resolver", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise socket.gaierror(socket.EAI_AGAIN, str(error)) from None
        return lookup


def _in_turn(name: _Name) -> list[ResolveResult]:
    first = name.used % len(name.addresses)
    name.used += 1
    return name.addresses[first:] + name.addresses[:first]


def _look_up(key: _Key) -> list[ResolveResult] | Exception:
    """Return what the system's resolver finds, or why it finds nothing."""
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
    if len(more) > 1 and more[1]:  # a link-local address is nothing without its scope
        address = f"{address}%{more[1]}"
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=proto,
        flags=_NUMERIC,
    )
