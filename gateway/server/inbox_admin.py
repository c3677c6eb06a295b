"""The inbox on the admin listener: the commands of `dinie-gateway inbox`, in JSON."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol

import orjson
from aiohttp import web

from gateway.core.peer import is_local
from gateway.inbox.masking import entity, masked
from gateway.inbox.options import InboxOptions
from gateway.inbox.ports import StoreUnavailable
from gateway.inbox.replay import ReplayStore, Selection, replay

_MOST: Final = 1000
_BODY_TIMEOUT: Final = 5.0  # s
_STATES: Final = frozenset({"pending", "delivering", "delivered", "dead"})


class Inbox(ReplayStore, Protocol):
    """The operator's operations; implemented by `InboxQueries`."""

    async def listed(
        self,
        *,
        state: str | None,
        event_type: str | None,
        before: int | None,
        most: int,
    ) -> list[dict[str, Any]]:
        """Return summaries, newest first.

        Args:
            state: Only events with a delivery in this state; None: all.
            event_type: Only this type; None: all.
            before: Only events with a smaller seq; None: all.
            most: How many.
        """

    async def one(self, webhook_id: str) -> dict[str, Any] | None:
        """Return an event with its body; None: there is none."""

    async def enable(self, subscriber: str) -> bool:
        """Undo a subscriber's 410; return whether there was one."""


JsonHandler = Callable[[web.Request], Awaitable[Mapping[str, Any]]]


class InboxAdmin:
    """The routes; each handler returns a JSON object."""

    def __init__(
        self,
        queries: Inbox,
        options: InboxOptions,
        *,
        status: Callable[[], Mapping[str, Any]],
        wake: Callable[[], Any],
    ) -> None:
        """Prepare the handlers.

        Args:
            queries: Looks up and repeats deliveries.
            options: The subscribers.
            status: Returns how full the inbox is.
            wake: Makes every queue read the store.
        """
        self._queries = queries
        self._options = options
        self._status = status
        self._wake = wake

    def routes(self) -> list[tuple[str, str, JsonHandler]]:
        """Return method, path and handler of each route; all for loopback only.

        The port may be open to Prometheus, which may see numbers but no events.
        """
        routes: list[tuple[str, str, JsonHandler]] = [
            ("GET", "/inbox", self._list),
            ("GET", "/inbox/stats", self._stats),
            ("POST", "/inbox/replay", self._replay),
            ("POST", "/inbox/enable", self._enable),
            ("GET", "/inbox/{webhook_id}", self._show),
        ]
        return [(method, path, _local(handler)) for method, path, handler in routes]

    async def _list(self, request: web.Request) -> Mapping[str, Any]:
        asked = request.query
        state = asked.get("state")
        if state is not None and state not in _STATES:
            raise web.HTTPBadRequest
        most = _number(asked.get("limit"))
        if most == 0:
            raise web.HTTPBadRequest
        found = await self._asked(
            self._queries.listed(
                state=state,
                event_type=asked.get("type"),
                before=_number(asked.get("before")),
                most=min(_MOST, most or 50),
            )
        )
        return {"data": [{**one, "entity": entity(one["entity"])} for one in found]}

    async def _show(self, request: web.Request) -> Mapping[str, Any]:
        one = await self._asked(self._queries.one(request.match_info["webhook_id"]))
        if one is None:
            raise web.HTTPNotFound
        # Personal data is always masked here; only the command reveals it.
        return {
            **one,
            "entity": entity(one["entity"]),
            "body": masked(one["body"]),
        }

    async def _stats(self, _: web.Request) -> Mapping[str, Any]:
        return self._status()

    async def _replay(self, request: web.Request) -> Mapping[str, Any]:
        asked = await _object(request)
        selection = Selection(
            webhook_id=_text(asked.get("id")),
            since=_moment(asked.get("since")),
            dead=asked.get("dead") is True,
            subscriber=_text(asked.get("subscriber")),
        )
        names = {one.name for one in self._options.subscribers}
        if selection.subscriber is not None and selection.subscriber not in names:
            raise web.HTTPBadRequest
        by_id = selection.webhook_id is not None
        by_rule = selection.dead or selection.since is not None
        if by_id == by_rule:
            raise web.HTTPBadRequest
        count = await self._asked(
            replay(self._queries, selection, self._options, on_progress=lambda _: None)
        )
        self._wake()
        return {"deliveries": count}

    async def _enable(self, request: web.Request) -> Mapping[str, Any]:
        name = _text((await _object(request)).get("subscriber"))
        if name is None:
            raise web.HTTPBadRequest
        enabled = await self._asked(self._queries.enable(name))
        self._wake()
        return {"enabled": enabled}

    async def _asked(self, asked: Awaitable[Any]) -> Any:
        try:
            return await asked
        except StoreUnavailable as error:
            raise web.HTTPServiceUnavailable from error


def _local(wrapped: JsonHandler) -> JsonHandler:
    async def handler(request: web.Request) -> Mapping[str, Any]:
        if not is_local(request.remote, request.transport):
            raise web.HTTPForbidden
        return await wrapped(request)

    return handler


async def _object(request: web.Request) -> Mapping[str, Any]:
    """Return a JSON body; its Content-Type must say so: no web page can post that."""
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        async with asyncio.timeout(_BODY_TIMEOUT):
            asked = orjson.loads(await request.read())
    except TimeoutError as error:
        raise web.HTTPRequestTimeout from error
    except orjson.JSONDecodeError as error:
        raise web.HTTPBadRequest from error
    if not isinstance(asked, dict):
        raise web.HTTPBadRequest
    return asked


def _text(value: Any) -> str | None:
    if value is None or (isinstance(value, str) and value):
        return value
    raise web.HTTPBadRequest


def _moment(value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise web.HTTPBadRequest
    return float(value)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isascii() or not text.isdecimal() or len(text) > 15:  # noqa: PLR2004
        raise web.HTTPBadRequest
    return int(text)
