"""Put a fresh token on each attempt, and replay once where Dinie calls it stale."""

from collections.abc import Callable

from aiohttp import ClientRequest, ClientResponse, hdrs
from aiohttp.client_middlewares import ClientHandlerType

from gateway.core.clock import Clock
from gateway.core.errors import UpstreamAuthFailed
from gateway.core.exchange import Exchange
from gateway.credentials.canary import Canary
from gateway.credentials.policy import FORCED_GAP, Token
from gateway.credentials.token_source import TokenSource

_UNAUTHORIZED = 401


class CredentialsStage:
    """Runs once per attempt, around the limiter, so that a replay pays quota too."""

    def __init__(
        self,
        source: TokenSource,
        clock: Clock,
        on_rejected: Callable[[], None],
        canary: Canary | None = None,
    ) -> None:
        self._canary = canary
        self._source = source
        self._clock = clock
        self._on_rejected = on_rejected

    async def __call__(
        self, exchange: Exchange, request: ClientRequest, handler: ClientHandlerType
    ) -> ClientResponse:
        """Send with the gateway's token; a caller's own bearer passes untouched.

        Raises:
            UpstreamAuthFailed: a token minted just now is refused too.
            CredentialsUnavailable: no token could be had in time.
        """
        if exchange.own_bearer:
            # Its 401 is the caller's affair: our token has nothing to do with it.
            return await handler(request)
        if self._canary is not None:
            tried = await self._canary.send(exchange, request, handler)
            if tried is not None:
                return tried
        token = self._source.usable()
        if token is None:
            token = await self._wait(exchange, None)
        request.headers[hdrs.AUTHORIZATION] = token.header
        response = await handler(request)
        if response.status != _UNAUTHORIZED:
            return response
        self._on_rejected()
        response.close()
        exchange.let_go()
        token = await self._wait(exchange, token)
        request.headers[hdrs.AUTHORIZATION] = token.header
        response = await handler(request)
        if response.status == _UNAUTHORIZED:
            response.close()
            raise UpstreamAuthFailed(
                "Dinie refuses a token that was minted just now.",
                retry_after=FORCED_GAP,
            )
        return response

    async def _wait(self, exchange: Exchange, stale: Token | None) -> Token:
        began = self._clock.now()
        try:
            if stale is None:
                return await self._source.token(deadline=exchange.deadline)
            return await self._source.renewed(stale, deadline=exchange.deadline)
        finally:
            waited = self._clock.now() - began
            exchange.waits.token += waited
            exchange.step(began, "token", waited)
