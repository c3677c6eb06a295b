"""A real listener with nothing behind it but the admission stage."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from gateway.admission.options import AdmissionOptions
from gateway.admission.stage import AdmissionStage
from gateway.core.address import Address
from gateway.core.errors import GatewayError
from gateway.core.problems import CATALOGUE
from gateway.core.stage import EXCHANGE
from gateway.forwarding.policy import inbound_headers
from gateway.forwarding.rules import Rules
from gateway.forwarding.spellings import LenientRules
from gateway.server.listeners import listen_proxy
from gateway.server.sockets import bind
from tests.exchanges import change, new_exchange

ANYWHERE = Address("127.0.0.1", 0)


@dataclass
class Door:
    """What came in, and what was refused."""

    stage: AdmissionStage
    bodies: list[bytes] = field(default_factory=list)
    on_disk: list[bool] = field(default_factory=list)
    uploads: list[bool] = field(default_factory=list)
    files: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    other_errors: list[BaseException] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Run the stage as the proxy does; a slug is told as the answer's body."""
        exchange = new_exchange("r", request.method, request.path, 0.0)
        change(exchange, path=request.path, plain_path=request.path)
        exchange.caller = request.headers.get("X-Caller", "other")
        change(exchange, control=inbound_headers(request.headers.items())[1])
        request[EXCHANGE] = exchange
        try:
            return await self.stage(request, self._inside)
        except GatewayError as error:
            problem = CATALOGUE[type(error)]
            self.refused.append(problem.slug)
            async with self.changed:
                self.changed.notify_all()
            refusal = web.Response(status=problem.status, text=problem.slug)
            refusal.force_close()
            return refusal
        except Exception as error:
            self.other_errors.append(error)
            raise
        finally:
            self.ended.set()

    async def filled_by(self, count: int) -> None:
        """Wait until so many are inside."""
        async with self.changed:
            await self.changed.wait_for(lambda: self.stage.inside >= count)

    async def refusals(self, count: int) -> None:
        """Wait until so many were refused."""
        async with asyncio.timeout(5), self.changed:
            await self.changed.wait_for(lambda: len(self.refused) >= count)

    async def _inside(self, request: web.BaseRequest) -> web.StreamResponse:
        body = request[EXCHANGE].body
        async with self.changed:
            self.changed.notify_all()
        await self.gate.wait()
        self.bodies.append(b"".join(body.chunks()))
        self.on_disk.append(body.file is not None)
        self.uploads.append(request[EXCHANGE].upload)
        self.files.append(body.file)
        return web.Response(text="in")

    async def say(self, *pieces: bytes, wait: float = 0.0) -> bytes:
        """Write pieces on a connection of their own; return what comes back."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(wait)
        answer = await reader.readuntil(b"\r\n\r\n")
        length = answer.lower().partition(b"content-length: ")[2].partition(b"\r")[0]
        answer += await reader.readexactly(int(length))
        writer.close()
        await writer.wait_closed()
        return answer

    async def hang_up_after(self, piece: bytes) -> None:
        """Write a piece of a request and go away."""
        _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.close()
        await writer.wait_closed()
        await self.ended.wait()


@asynccontextmanager
async def door(*, body_timeout: float = 5.0, **options: Any) -> AsyncIterator[Door]:
    """Open a door."""
    stage = AdmissionStage(
        AdmissionOptions(**options),
        denied=LenientRules(("/auth/credentials",), below=True),
        is_upload=Rules(("/customers/*/documents",)),
        is_unidentified=lambda exchange: exchange.target.plain_path == "/auth/token",
        body_timeout=body_timeout,
    )
    made = Door(stage)
    made.gate.set()
    listener = await listen_proxy(
        made.answer, bind(ANYWHERE), logger=logging.getLogger("tests.door")
    )
    made.port = int(listener.address.rpartition(":")[2])
    try:
        yield made
    finally:
        await listener.close()
