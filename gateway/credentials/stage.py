"""Puts a fresh token on each attempt, and replays once after a 401."""

from collections.abc import Callable

from gateway.core.clock import Clock
from gateway.core.errors import UpstreamAuthFailed
from gateway.core.exchange import Exchange
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse
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
        """Send with the tokens of a source.

        Args:
            source: Of the credential in force.
            clock: Real or fake.
            on_rejected: Called for each token that Dinie refuses.
            canary: Sends a share of GETs with the next credential; None: no share.
        """
        self._canary = canary
        self._source = source
        self._clock = clock
        self._on_rejected = on_rejected

    async def __call__(self, exchange: Exchange, send: Send) -> UpstreamResponse:
        """Send with the gateway's token; a caller's own bearer passes untouched.

        Raises:
            UpstreamAuthFailed: a token that was just renewed is refused too.
            CredentialsUnavailable: no token could be had in time.
        """
        if exchange.own_bearer:
            # Its 401 is the caller's affair: our token has nothing to do with it.
            return await send(exchange)
        if self._canary is not None:
            tried = await self._canary.send(exchange, send)
            if tried is not None:
                return tried
        token = self._source.usable()
        if token is None:
            token = await self._wait(exchange, None)
        exchange.authorization = token.header
        response = await send(exchange)
        if response.status != _UNAUTHORIZED:
            return response
        self._on_rejected()
        response.end()
        token = await self._wait(exchange, token)
        exchange.authorization = token.header
        response = await send(exchange)
        if response.status == _UNAUTHORIZED:
            raise UpstreamAuthFailed(
                "Dinie refuses a token that was issued just now.",
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
            exchange.history.waits.token += waited
            exchange.history.step(began, "token", waited)
