"""A webhook listener with its inbox in a real file, and a raw way in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from gateway.core.address import Address
from gateway.core.clock import SystemClock
from gateway.inbox.options import InboxOptions
from gateway.inbox.receive import Receiver
from gateway.inbox.signature import parse_secret
from gateway.server.listeners import Listener, listen_proxy
from gateway.server.sockets import bind
from gateway.server.webhooks import WebhookListener
from gateway.telemetry.logging import http_logger
from tests.inbox.hostile import MAX
from tests.inbox.scene import SECRET, Inbox, Observed, opened


class Scene:
    """A listener with its inbox, and a raw way in."""

    def __init__(self, inbox: Inbox) -> None:
        self.inbox = inbox
        self.observed = Observed()
        receiver = Receiver(
            inbox.store,
            lambda: [parse_secret(SECRET)],
            InboxOptions(),
            clock=SystemClock(),
            observer=self.observed,
            on_event=self.observed.say,
        )
        self.handler = WebhookListener(receiver, path="/webhooks/dinie", max_body=MAX)
        self.listener: Listener | None = None

    @property
    def port(self) -> int:
        assert self.listener is not None
        return int(self.listener.address.rpartition(":")[2])

    async def say(self, raw: bytes, *, end: bool = False) -> int:
        """Send bytes and maybe an end; return the answer's status, 0 for none."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            async with asyncio.timeout(5):
                writer.write(raw)
                if end:
                    writer.write_eof()
                answer = await reader.read()
        except ConnectionError:
            return 0  # closed in our face
        finally:
            writer.close()
        assert b"Traceback" not in answer
        return int(answer.split(b" ", 2)[1]) if answer else 0


@asynccontextmanager
async def listening(folder: Path) -> AsyncIterator[Scene]:
    """Have a listener with an empty inbox."""
    async with opened(folder / "gateway.db") as inbox:
        await inbox.queries.probe(1)
        made = Scene(inbox)
        made.listener = await listen_proxy(
            made.handler, bind(Address("127.0.0.1", 0)), logger=http_logger()
        )
        yield made
        await made.listener.close()
