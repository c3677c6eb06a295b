"""Opens and closes the listeners of one gateway, and watches their socket files."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from gateway.app.builders import Running
from gateway.app.inbox import Mailroom
from gateway.config.schema import Listen
from gateway.server.certificates import Certificates
from gateway.server.health import Check
from gateway.server.listeners import (
    Listener,
    Refusal,
    listen_application,
    listen_proxy,
)
from gateway.server.readers import Readers
from gateway.server.sockets import BoundSockets, bind
from gateway.telemetry.logging import http_logger

_log = structlog.get_logger("gateway.server")
_ADDRESSES = ("proxy", "admin", "webhooks")


class Listeners:
    """The proxy and admin listeners; the webhooks' is the inbox's own."""

    def __init__(
        self, listen: Listen, tls: Certificates, mailroom: Mailroom | None
    ) -> None:
        """Bind nothing yet; inside a running loop.

        Args:
            listen: The addresses.
            tls: Of the proxy listener.
            mailroom: Takes the webhooks' sockets; None where there are none.
        """
        loop = asyncio.get_running_loop()
        self.readers = Readers(loop, loop.time)
        self._listen = listen
        self._tls = tls
        self._mailroom = mailroom
        self._bound: dict[str, BoundSockets] = {}
        self._started: list[Listener] = []
        self._said_gone = False

    def bind(self) -> None:
        """Bind every address before anything is served on any.

        A second start of the same gateway fails here, and changes nothing for the
        first.

        Raises:
            OSError: one of them cannot be bound; none is.
        """
        try:
            for name in _ADDRESSES:
                address = getattr(self._listen, name)
                if not address.off:
                    self._bound[name] = bind(address)
        except BaseException:
            self._unbind()
            raise

    async def start(
        self,
        proxy: Callable[[Any], Awaitable[web.StreamResponse]],
        admin: web.Application,
        refusal: Refusal | None = None,
    ) -> Running:
        """Serve on what was bound; return where that is.

        Args:
            proxy: Answers the requests of callers.
            admin: Answers those of operators and probes.
            refusal: Answers callers' requests that the HTTP parser does not take.
        """
        bound, logger = self._bound, http_logger()
        if "proxy" in bound:
            self._started.append(
                await listen_proxy(
                    proxy,
                    bound["proxy"],
                    logger=logger,
                    tls=self._tls.context,
                    readers=self.readers,
                    refusal=refusal,
                )
            )
        if "admin" in bound:
            self._started.append(
                await listen_application(admin, bound["admin"], logger=logger)
            )
        if self._mailroom is not None:
            await self._mailroom.listen(bound["webhooks"])
        return Running(*(bound[n].address if n in bound else None for n in _ADDRESSES))

    def check(self) -> Check:
        """Return whether every socket file is still the one that was bound."""
        gone = [path for one in self._bound.values() if (path := one.gone)]
        if not gone:
            self._said_gone = False
            return Check(ok=True, reason="every socket is there")
        if not self._said_gone:
            self._said_gone = True
            _log.error("socket_gone", paths=gone)
        return Check(
            ok=False, reason=f"removed or replaced: {', '.join(gone)}; restart to mend"
        )

    async def stop_accepting(self) -> None:
        """Close the sockets; connections go on."""
        for listener in self._started:
            await listener.stop_accepting()
        if self._mailroom is not None:
            await self._mailroom.stop_accepting()

    async def close(self) -> None:
        """Close everything, handlers in flight included."""
        for listener in self._started:
            await listener.close()
        self.readers.close()
        self._unbind()

    def _unbind(self) -> None:
        for one in self._bound.values():
            one.close()
