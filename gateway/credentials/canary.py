"""Tries the next credential of a rotation with a share of real GETs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from gateway.core.exchange import Exchange
from gateway.core.secret import Secret
from gateway.core.stage import Send
from gateway.core.upstream_response import UpstreamResponse
from gateway.credentials.ports import Credential
from gateway.credentials.token_source import TokenSource

_REFUSALS = frozenset({401, 403})
_TOO_MANY = 429  # the credential works, but its quota is not the one that we know


class Fields(Protocol):
    """A set of secrets that may hold the next credential."""

    @property
    def fields(self) -> Mapping[str, Secret]:
        """Return all fields by name."""

    @property
    def version(self) -> str:
        """Return what changes with them."""


class Secrets(Protocol):
    """Holds the secrets in force."""

    @property
    def current(self) -> Fields | None:
        """Return them; None while none could be read."""

    async def refresh(self, reason: str) -> bool:
        """Read them again now; return whether they changed."""

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Call back after each change."""


@dataclass(frozen=True, slots=True)
class _Next:
    client_id: Secret
    client_secret: Secret
    version: str


class NextCredential:
    """The credential that a rotation has stored as `next_*`, as a source of its own."""

    def __init__(
        self, secrets: Secrets, *, guard: Callable[[str, str], list[str]]
    ) -> None:
        """Read the next credential from the secrets in force.

        Args:
            secrets: In force.
            guard: Returns why an id and a secret belong to another environment.
        """
        self._secrets = secrets
        self._guard = guard

    @property
    def current(self) -> Credential | None:
        """Return it; None where no rotation is under way, or it is not for here."""
        held = self._secrets.current
        if held is None:
            return None
        pair = (held.fields.get(f"next_client_{name}") for name in ("id", "secret"))
        client_id, secret = pair
        if not client_id or not secret:
            return None
        if self._guard(client_id.reveal(), secret.reveal()):
            return None  # it would be shown to the other environment's Dinie
        return _Next(client_id, secret, held.version)

    async def refresh(self, reason: str) -> bool:
        """Read the secrets again now; return whether they changed."""
        return await self._secrets.refresh(reason)

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Call back after each change."""
        self._secrets.add_listener(callback)


class Canary:
    """Sends a share of GETs with the next credential; no caller notices a failure."""

    def __init__(
        self,
        tokens: TokenSource,
        *,
        share: float,
        random: Callable[[], float],
        on_result: Callable[[str], Any],
    ) -> None:
        """Send with the tokens of a source.

        Args:
            tokens: Of the next credential.
            share: Of GETs, 0 to 1.
            random: Returns from [0, 1).
            on_result: Takes `ok` or `refused` for each GET that was sent with it.
        """
        self._tokens = tokens
        self._share = share
        self._random = random
        self._on_result = on_result

    async def send(self, exchange: Exchange, send: Send) -> UpstreamResponse | None:
        """Return the response to a GET that was chosen; None: send it as ever."""
        token = self._tokens.usable()
        if token is None or exchange.method != "GET" or self._random() >= self._share:
            return None
        exchange.authorization = token.header
        exchange.canary = True
        try:
            response = await send(exchange)
        finally:
            exchange.canary = False
        if response.status not in _REFUSALS:
            self._on_result("ok")
            if response.status != _TOO_MANY:
                return response
        else:
            self._on_result("refused")
        response.end()
        return None


class CanaryTokens:
    """Counts token requests for the next credential that gave none."""

    def __init__(self, on_result: Callable[[str], Any]) -> None:
        """Count with `on_result`, which takes `no_token`."""
        self._on_result = on_result

    def token(self, reason: str, result: str) -> None:
        """Count what gave no token."""
        del reason
        if result != "ok":
            self._on_result("no_token")
