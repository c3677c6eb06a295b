"""`python -m tests.bench.verifier`: verifies webhooks and keeps nothing.

What an inbox costs beyond the signature shows against it. `/hook` takes anything.
"""

import asyncio
import sys
import time

import uvloop
from aiohttp import web

from gateway.inbox.signature import Signed, parse_secret, verify


async def _serve(secret: str) -> None:
    key = parse_secret(secret)

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read()
        if request.raw_path == "/hook":
            return web.Response()

        def every(name: bytes) -> list[bytes]:
            return [v for k, v in request.raw_headers if k.lower() == name]

        signed = Signed(
            every(b"webhook-id"),
            every(b"webhook-timestamp"),
            every(b"webhook-signature"),
            body,
        )
        verdict = verify(signed, [key], now=time.time(), tolerance=300.0)
        return web.Response(status=200 if verdict == "good" else 401)

    runner = web.ServerRunner(web.Server(handle, access_log=None))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"listening on 127.0.0.1:{runner.addresses[0][1]}", file=sys.stderr)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(sys.argv[1]))
