"""How do tests and people look into the simulator and break it?"""

from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from gateway.simulator.answer import Refusal
from gateway.simulator.server import Simulator

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def add_admin(  # noqa: C901 - eight one-line handlers, no branches
    application: web.Application, simulator: Simulator
) -> None:
    """Add the routes below `/_sim`, which need no token and spend no quota."""

    async def journal(_: web.Request) -> web.Response:
        return _json(simulator.dump())

    async def forget(_: web.Request) -> web.Response:
        simulator.journal.clear()
        return web.Response(status=204)

    async def plan(request: web.Request) -> web.Response:
        given = orjson.loads(await request.read())
        for fault in given if isinstance(given, list) else [given]:
            simulator.fault(**fault)
        return web.Response(status=204)

    async def clear(_: web.Request) -> web.Response:
        simulator.clear_faults()
        return web.Response(status=204)

    async def reset(_: web.Request) -> web.Response:
        simulator.reset()
        return web.Response(status=204)

    async def step(request: web.Request) -> web.Response:
        given = orjson.loads(await request.read())
        return _json(orjson.dumps(simulator.step(str(given["id"]))))

    async def expire(_: web.Request) -> web.Response:
        simulator.tokens.expire_all()
        return web.Response(status=204)

    async def state(_: web.Request) -> web.Response:
        return _json(orjson.dumps(simulator.state()))

    routes: tuple[tuple[str, str, Handler], ...] = (
        ("GET", "journal", journal),
        ("DELETE", "journal", forget),
        ("POST", "faults", plan),
        ("DELETE", "faults", clear),
        ("POST", "reset", reset),
        ("POST", "step", step),
        ("POST", "tokens/expire", expire),
        ("GET", "state", state),
    )
    for method, path, handler in routes:
        application.router.add_route(method, f"/_sim/{path}", _guarded(handler))


def _guarded(handler: Handler) -> Handler:
    async def answer(request: web.Request) -> web.StreamResponse:
        try:
            return await handler(request)
        except Refusal as refusal:
            return _json(refusal.answer.body, refusal.answer.status)
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            text = f"send JSON as the documentation says ({type(error).__name__})"
            return _json(orjson.dumps({"error": text}), 400)

    return answer


def _json(body: bytes, status: int = 200) -> web.Response:
    return web.Response(body=body, status=status, content_type="application/json")
