"""The admin listener's application: probes, metrics, status page, reload, explain."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import orjson
import structlog
from aiohttp import web
from aiohttp.http import SERVER_SOFTWARE
from aiohttp.typedefs import Handler, Middleware

from gateway.core.errors import OriginForbidden
from gateway.core.origin import OriginRule
from gateway.core.problems import CONTENT_TYPE, render
from gateway.server.health import Health
from gateway.server.status_page import HEADERS, render_page

JsonHandler = Callable[[web.Request], Awaitable[Mapping[str, Any]]]
_METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_log = structlog.get_logger("gateway.admin")


def build_admin(
    health: Health,
    *,
    metrics: Callable[[], bytes],
    reload: Callable[[], Awaitable[Mapping[str, Any]]],
    status: Callable[[], Mapping[str, Any]],
    origin: OriginRule,
    further: Sequence[tuple[str, str, JsonHandler]] = (),
) -> web.Application:
    """Return the admin listener's application.

    Args:
        health: Its state is the response to the probes.
        metrics: Returns the text format of Prometheus.
        reload: Reads secrets and certificates again; returns what changed.
        status: Returns what the page shows.
        origin: Recognises the requests of web pages.
        further: Method, path and handler of the other routes, which return JSON.
    """

    async def livez(_: web.Request) -> web.Response:
        return _json({"alive": health.alive}, 200 if health.alive else 503)

    async def readyz(_: web.Request) -> web.Response:
        ready, checks = health.readiness()
        return _json({"ready": ready, "checks": checks}, 200 if ready else 503)

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=metrics(), headers={"Content-Type": _METRICS_TYPE})

    async def reloaded(_: web.Request) -> web.Response:
        return _json(dict(await reload()))

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=render_page(status()), headers=HEADERS)

    async def status_json(_: web.Request) -> web.Response:
        return _json(status())

    application = web.Application(middlewares=[_boundary, _guard(origin)])
    application.on_response_prepare.append(_hide_server)
    application.router.add_get("/", page)
    application.router.add_get("/status.json", status_json)
    application.router.add_get("/livez", livez)
    application.router.add_get("/readyz", readyz)
    application.router.add_get("/metrics", scrape)
    application.router.add_post("/reload", reloaded)
    for method, path, handler in further:
        application.router.add_route(method, path, _in_json(handler))
    return application


def explain_routes(
    explain: Callable[[str], Mapping[str, Any] | None],
) -> list[tuple[str, str, JsonHandler]]:
    """Return the route of `/explain`: method, path and handler.

    Args:
        explain: Returns what happened to the request of an id; None: it is unknown.
    """

    async def explained(request: web.Request) -> Mapping[str, Any]:
        found = explain(request.match_info["request_id"])
        if found is None:
            raise web.HTTPNotFound
        return found

    return [("GET", "/explain/{request_id}", explained)]


def _in_json(content_of: JsonHandler) -> Handler:
    async def handler(request: web.Request) -> web.Response:
        return _json(await content_of(request))

    return handler


def _json(content: Mapping[str, Any], status: int = 200) -> web.Response:
    return web.Response(
        body=orjson.dumps(content, option=orjson.OPT_INDENT_2),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )


async def _hide_server(_: web.Request, response: web.StreamResponse) -> None:
    if response.headers.get("Server") == SERVER_SOFTWARE:
        del response.headers["Server"]


def _guard(origin: OriginRule) -> Middleware:
    """Return a middleware that refuses the requests of web pages."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        why = origin.refusal(request.headers)
        if why is None:
            return await handler(request)
        status, body, headers = render(OriginForbidden(why), instance=uuid4().hex)
        return web.Response(status=status, body=body, headers=headers)

    return guard


@web.middleware
async def _boundary(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Render every error as a problem that reveals nothing."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        return _problem(error.status, error.reason, error.headers.get("Allow"))
    except Exception as error:  # noqa: BLE001 - the last boundary
        _log.error("admin_request_failed", error=type(error).__name__)
        return _problem(500, "Internal Server Error")


def _problem(status: int, title: str, allow: str | None = None) -> web.Response:
    body = orjson.dumps({"type": "about:blank", "title": title, "status": status})
    headers = {"Content-Type": CONTENT_TYPE}
    if allow is not None:  # RFC 9110 15.5.6: a 405 says what is allowed
        headers["Allow"] = allow
    return web.Response(body=body, status=status, headers=headers)
