"""Listens on loopback as Dinie, with the routes below `/_sim` beside the API."""

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.simulator.admin import PATH as ADMIN_PATH
from gateway.simulator.admin import add_admin
from gateway.simulator.boundary import LARGEST, as_problems
from gateway.simulator.dinie import SimulatedDinie
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.request import PREFIXES

__all__ = ["Simulator", "SimulatorOptions"]


class Simulator(SimulatedDinie):
    """A simulated Dinie with a socket."""

    _runner: web.AppRunner | None = None

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the port."""
        application = web.Application(
            client_max_size=LARGEST, middlewares=(as_problems, self._unmatched)
        )
        add_admin(application, self, host=host)
        for method, path in self.paths:
            for prefix in PREFIXES:
                application.router.add_route(method, prefix + path, self.handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        await self.webhooks.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.webhooks.stop()

    @web.middleware
    async def _unmatched(
        self, request: web.Request, handler: Handler
    ) -> web.StreamResponse:
        """Have a request without a route pass faults, quota and token as well."""
        if request.match_info.http_exception is None:
            return await handler(request)
        if request.path.startswith(f"{ADMIN_PATH}/"):
            return await handler(request)
        return await self.handle(request)
