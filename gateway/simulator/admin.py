"""Serves `/_sim`: the journal, faults, steps and webhooks of a simulated Dinie."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from aiohttp import web

from gateway.core.origin import OriginRule, proxy_rule
from gateway.simulator.boundary import read_body
from gateway.simulator.dinie import SimulatedDinie
from gateway.simulator.response import Refusal, Reply, problem

PATH = "/_sim"
_MOST = 100_000  # webhooks by one call
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class _Admin:
    """The handlers, each for one route below `/_sim`."""

    def __init__(self, simulator: SimulatedDinie) -> None:
        self._simulator = simulator

    async def journal(self, _: web.Request) -> web.Response:
        return _json(self._simulator.dump())

    async def forget(self, _: web.Request) -> web.Response:
        self._simulator.journal.clear()
        return web.Response(status=204)

    async def plan(self, request: web.Request) -> web.Response:
        given = await _sent(request)
        for fault in given if isinstance(given, list) else [given]:
            self._simulator.fault(**fault)
        return web.Response(status=204)

    async def clear(self, _: web.Request) -> web.Response:
        self._simulator.clear_faults()
        return web.Response(status=204)

    async def reset(self, _: web.Request) -> web.Response:
        self._simulator.reset()
        return web.Response(status=204)

    async def step(self, request: web.Request) -> web.Response:
        given = await _sent(request)
        to = given.get("to")
        step = self._simulator.step(str(given["id"]), None if to is None else str(to))
        return _json(orjson.dumps(step))

    async def expire(self, _: web.Request) -> web.Response:
        self._simulator.tokens.expire_all()
        return web.Response(status=204)

    async def revoke(self, _: web.Request) -> web.Response:
        self._simulator.tokens.revoke_all()
        return web.Response(status=204)

    async def emit(self, request: web.Request) -> web.Response:
        given = await _sent(request)
        event_type, data = given["type"], given.get("data", {})
        if not (isinstance(event_type, str) and isinstance(data, dict)):
            raise TypeError("a type and an object")
        times = range(given.get("count", 1))
        if len(times) > _MOST:
            raise Refusal(400, "invalid_field", f"up to {_MOST}", param="count")
        ids = [self._simulator.webhooks.emit(event_type, data) for _ in times]
        return _json(orjson.dumps({"ids": ids}))

    async def sent(self, _: web.Request) -> web.Response:
        webhooks = self._simulator.webhooks
        deliveries = [delivery.as_dict() for delivery in webhooks.journal]
        content = {"deliveries": deliveries, "under_way": webhooks.under_way}
        return _json(orjson.dumps(content))

    async def forget_sent(self, _: web.Request) -> web.Response:
        self._simulator.webhooks.journal.clear()
        return web.Response(status=204)

    async def spoil(self, request: web.Request) -> web.Response:
        self._simulator.webhooks.fault(**await _sent(request))
        return web.Response(status=204)

    async def heal(self, _: web.Request) -> web.Response:
        self._simulator.webhooks.clear_faults()
        return web.Response(status=204)

    async def unknown(self, _: web.Request) -> web.Response:
        raise Refusal(404, "not_found", "no such route of the simulator")

    async def state(self, _: web.Request) -> web.Response:
        return _json(orjson.dumps(self._simulator.state()))


def add_admin(
    application: web.Application, simulator: SimulatedDinie, *, host: str
) -> None:
    """Add the routes below `/_sim`, which need no token and spend no quota.

    Args:
        application: Of the simulator.
        simulator: To look into and to break.
        host: Where it listens; on loopback no web page may use these routes, since
            they have requests sent to any URL.
    """
    admin = _Admin(simulator)
    origin = proxy_rule(host, ())
    routes: tuple[tuple[str, str, Handler], ...] = (
        ("GET", "journal", admin.journal),
        ("DELETE", "journal", admin.forget),
        ("POST", "faults", admin.plan),
        ("DELETE", "faults", admin.clear),
        ("POST", "reset", admin.reset),
        ("POST", "step", admin.step),
        ("POST", "tokens/expire", admin.expire),
        ("POST", "tokens/revoke", admin.revoke),
        ("GET", "state", admin.state),
        ("POST", "webhooks/emit", admin.emit),
        ("GET", "webhooks/journal", admin.sent),
        ("DELETE", "webhooks/journal", admin.forget_sent),
        ("POST", "webhooks/faults", admin.spoil),
        ("DELETE", "webhooks/faults", admin.heal),
        ("*", "{rest:(?s:.*)}", admin.unknown),
    )
    for method, path, handler in routes:
        application.router.add_route(
            method, f"{PATH}/{path}", _guarded(handler, origin)
        )


def _guarded(handler: Handler, origin: OriginRule) -> Handler:
    async def reply(request: web.Request) -> web.StreamResponse:
        why = origin.refusal(request.headers)
        if why is not None:
            return _refused(problem(403, "forbidden", why))
        try:
            return await handler(request)
        except Refusal as refusal:
            return _refused(refusal.reply)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            text = f"send JSON as the documentation says ({type(error).__name__})"
            return _refused(problem(400, "malformed_body", text))

    return reply


async def _sent(request: web.Request) -> Any:
    """Return a request's JSON.

    Raises:
        Refusal: its body cannot be read.
        ValueError: it is no JSON.
    """
    body, refused = await read_body(request)
    if refused is not None:
        raise refused
    return orjson.loads(body)


def _refused(reply: Reply) -> web.Response:
    return web.Response(body=reply.body, status=reply.status, headers=reply.headers)


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
