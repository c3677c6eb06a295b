"""Reads Dinie's lists through the proxy listener of a running gateway, slowly."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

from aiohttp import ClientConnectorError, ClientSession, ClientTimeout
from yarl import URL

from gateway.core.clock import Clock
from gateway.upstream.retrying import (
    NETWORK_ERRORS,
    Headers,
    Received,
    RetryRules,
    request,
)

_TIMEOUT: Final = 60.0  # s; the gateway holds a request for its permit
_PAUSE: Final = 0.2  # s before each request: those of callers come first
_LONGEST_WAIT: Final = 60.0  # s
_HEADERS: Final = {"X-Gateway-Priority": "background"}
_LISTS: Final = (("customer", "customers"), ("credit_offer", "credit-offers"))
_PLAIN_ID: Final = re.compile(r"[A-Za-z0-9_-]+")
_KINDS: Final = frozenset({"text/html", "text/plain", "application/xml", "text/xml"})
_OK, _NOT_FOUND, _BUSY = 200, 404, frozenset({429, 502, 503, 504})
# The gateway has repeated what failed at Dinie. What it refuses is sent again, for as
# long as a quota takes to come back.
_RULES: Final = RetryRules(
    repeats=lambda received: received.status in _BUSY,
    wait=lambda _, asked: min(_LONGEST_WAIT, asked or 1.0),
    attempts=30,
    exceptions=(),
    largest=64 * 1024 * 1024,
)


class ListingFailed(Exception):  # noqa: N818 - named for what happened
    """A list cannot be read; the text says what to do."""


class GatewayLists:
    """Reads customers, offers and loans through a gateway's proxy listener."""

    def __init__(self, base_url: str, session: ClientSession, *, clock: Clock) -> None:
        """Send nothing yet.

        Args:
            base_url: The gateway's, with one of its prefixes.
            session: Connects to the gateway; closed by its owner.
            clock: Real or fake.
        """
        self._base = base_url
        self._session = session
        self._clock = clock

    async def resources(
        self, loans: list[str]
    ) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        """Yield kind and resource: customers, offers, and loans.

        Args:
            loans: Ids; Dinie has no list of loans.

        Raises:
            ListingFailed: one cannot be read.
        """
        for kind, name in _LISTS:
            async for one in self._all(name):
                yield kind, one
        for identifier in filter(_PLAIN_ID.fullmatch, loans):
            loan = await self._get(f"/loans/{identifier}")
            if loan:
                yield "loan", loan

    async def _all(self, name: str) -> AsyncIterator[Mapping[str, Any]]:
        path, seen = f"/{name}?limit=100", set[str]()
        while True:
            page = await self._get(path)
            data = None if page is None else page.get("data")
            if page is None or not isinstance(data, list):
                # Anything else must not pass for an empty list.
                raise ListingFailed(f"Dinie gives no list of /{name}")
            found = [one for one in data if isinstance(one, dict)]
            for one in found:
                yield one
            if not page.get("has_more"):
                return
            last = str(found[-1].get("id", "")) if found else ""
            if not _PLAIN_ID.fullmatch(last) or last in seen:
                # A part must not pass for the whole, nor a cursor lead in circles.
                raise ListingFailed(f"Dinie does not list all of /{name}")
            seen.add(last)
            path = f"/{name}?limit=100&starting_after={last}"

    async def _get(self, path: str) -> Mapping[str, Any] | None:
        """Return a JSON object; None: 404."""
        try:
            received = await request(
                self._session,
                "GET",
                URL(self._base + path, encoded=True),
                rules=_RULES,
                clock=self._clock,
                headers=self._paced,
                timeout=ClientTimeout(total=_TIMEOUT),
            )
        except TimeoutError:
            raise ListingFailed(
                f"GET {path} was not answered in {_TIMEOUT:.0f} s: try it later"
            ) from None
        except ClientConnectorError as error:
            raise ListingFailed(
                f"no gateway answers at {self._base}: start it, or look at listen.proxy"
            ) from error
        except NETWORK_ERRORS as error:
            raise ListingFailed(
                f"the response to GET {path} broke off: look at the gateway's log"
            ) from error
        if received.status == _OK:
            return _object(path, received)
        if received.status == _NOT_FOUND:
            return None
        if received.status in _BUSY:
            raise ListingFailed(f"GET {path} was refused again and again: try it later")
        raise ListingFailed(f"GET {path} was answered {received.status}")

    async def _paced(self) -> Headers:
        await self._clock.sleep(_PAUSE)
        return _HEADERS


def _object(path: str, received: Received) -> Mapping[str, Any]:
    """Return the JSON object of a response.

    Raises:
        ListingFailed: there is something else, such as the page of a proxy in between.
    """
    try:
        found = json.loads(received.body)
    except (ValueError, RecursionError):
        found = None
    if isinstance(found, dict):
        return found
    kind = received.content_type
    kind = kind if kind in _KINDS else "something else"
    raise ListingFailed(
        f"Dinie answered GET {path} with 200, but with {kind} where a JSON object "
        "should be: look at what stands between the gateway and Dinie "
        "(upstream.base_url), or try it later"
    )
