"""What does relaying cost at the least? aiohttp on both sides, and nothing between.

Run as a process with the upstream's origin: announces its port on stderr, relays until
it is ended. Written as a newcomer would, on the default event loop.
"""

import socket
import sys
from collections.abc import AsyncIterator

from aiohttp import ClientSession, web

SESSION = web.AppKey("SESSION", ClientSession)


async def relay(request: web.Request) -> web.Response:
    """Send a request on and its answer back."""
    async with request.app[SESSION].request(
        request.method,
        sys.argv[1] + request.path_qs,
        headers=request.headers,
        data=await request.read(),
    ) as response:
        return web.Response(
            status=response.status,
            headers=response.headers,
            body=await response.read(),
        )


async def session(application: web.Application) -> AsyncIterator[None]:
    """Keep one client session for as long as the application runs."""
    async with ClientSession() as application[SESSION]:
        yield


def main() -> None:
    """Listen and relay."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", relay)
    application.cleanup_ctx.append(session)
    listening = socket.create_server(("127.0.0.1", 0), backlog=1024)
    port = listening.getsockname()[1]
    print(f"listening on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    web.run_app(application, sock=listening, print=None)


if __name__ == "__main__":
    main()
