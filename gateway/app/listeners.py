"""Opens and closes the listeners of one gateway and watches their socket files."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import structlog
from aiohttp import web

from gateway.app.inbox import WebhookInbox
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
_NAMES = ("proxy", "admin", "webhooks")


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a started gateway listens; None: off."""

    proxy: str | None
    admin: str | None
    webhooks: str | None = None


class Listeners:
    """The proxy and admin listeners; the inbox has the webhook listener."""

    def __init__(
        self, listen: Listen, certificates: Certificates, inbox: WebhookInbox | None
    ) -> None:
        """Bind nothing yet; inside a running loop.

        Args:
            listen: The addresses.
            certificates: Of the proxy listener.
            inbox: Takes the webhooks' sockets; None where no webhooks are received.
        """
        loop = asyncio.get_running_loop()
        self.readers = Readers(loop, loop.time)
        self._listen = listen
        self.certificates = certificates
        self._inbox = inbox
        self._bound: dict[str, BoundSockets] = {}
        self._started: list[Listener] = []
        self._logged_gone = False

    def bind(self) -> None:
        """Bind every address, before anything is served on any.

        A second start of the same gateway fails here and changes nothing for the first.

        Raises:
            OSError: An address cannot be bound; then none is.
        """
        try:
            for name in _NAMES:
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
    ) -> Addresses:
        """Serve on what was bound; return where that is.

        Args:
            proxy: Handles the requests of callers.
            admin: Handles those of operators and probes.
            refusal: Makes the response to a request that the HTTP parser refuses.
        """
        bound, logger = self._bound, http_logger()
        if "proxy" in bound:
            self._started.append(
                await listen_proxy(
                    proxy,
                    bound["proxy"],
                    logger=logger,
                    tls=self.certificates.context,
                    readers=self.readers,
                    refusal=refusal,
                )
            )
        if "admin" in bound:
            self._started.append(
                await listen_application(admin, bound["admin"], logger=logger)
            )
        if self._inbox is not None:
            await self._inbox.listen(bound["webhooks"])
        return Addresses(*(bound[n].address if n in bound else None for n in _NAMES))

    def check(self) -> Check:
        """Return whether every socket file is still the one that was bound."""
        gone = [path for one in self._bound.values() if (path := one.gone)]
        if not gone:
            self._logged_gone = False
            return Check(ok=True, reason="every socket is there")
        if not self._logged_gone:
            self._logged_gone = True
            _log.error("socket_gone", paths=gone)
        return Check(
            ok=False, reason=f"removed or replaced: {', '.join(gone)}; restart to mend"
        )

    async def stop_accepting(self) -> None:
        """Close the sockets; connections go on."""
        for listener in self._started:
            await listener.stop_accepting()
        if self._inbox is not None:
            await self._inbox.stop_accepting()

    async def close(self) -> None:
        """Close everything, handlers in flight included."""
        for listener in self._started:
            await listener.close()
        self.readers.close()
        self._unbind()

    def _unbind(self) -> None:
        for one in self._bound.values():
            one.close()
