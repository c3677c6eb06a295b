"""Which token is sent now, and who renews it?

One long-lived task (`run`) mints; callers only look, or wait for the task's next word.
So there is never more than one mint at a time, and a caller that goes away cancels
nothing that others wait for.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from gateway.clock import Clock
from gateway.credentials.policy import (
    FORCED_GAP,
    REFUSED_GAP,
    Grant,
    Refused,
    Token,
    make_token,
    retry_wait,
)
from gateway.credentials.ports import (
    Credential,
    CredentialSource,
    Observer,
    TokenEndpoint,
)
from gateway.errors import CredentialsUnavailable, UpstreamAuthFailed

_IDLE = 3600.0  # s; longest sleep of the task when nothing is due
_NO_SECRET = 1.0  # s between looks for a first credential; a change also wakes
_TOLERATED = 1  # failed tries in a row that waiting callers sit through


class TokenSource:
    """Holds the one token; see `run`."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        secrets: CredentialSource,
        *,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
    ) -> None:
        self._endpoint = endpoint
        self._secrets = secrets
        self._clock = clock
        self._random = random
        self._observer = observer
        self._current: Token | None = None
        self._generation = 0
        self._failures = 0
        self._next_try = 0.0
        self._refused_version: str | None = None
        self._refused_until = 0.0
        self._forced_at = float("-inf")
        self._reason = "start"
        self._wake = asyncio.Event()
        self._waiters: set[asyncio.Future[None]] = set()
        secrets.add_listener(self._secret_changed)

    @property
    def ever_had_one(self) -> bool:
        """Whether a token was obtained since the start; never turns back."""
        return self._generation > 0

    @property
    def state(self) -> str:
        """Return in one safe sentence why there is a token or none."""
        if self.usable() is not None:
            return "a token is held"
        if self._secrets.current is None:
            return "waiting for the secrets"
        if self._refused_version is not None:
            return "the token endpoint refuses the credential"
        if self._failures:
            return f"the token endpoint failed {self._failures} times in a row"
        return "a token is being asked for"

    @property
    def expires_in(self) -> float | None:
        """Return how long the current token lives, s; None without one."""
        if self._current is None:
            return None
        return self._current.expires_at - self._clock.now()

    def usable(self) -> Token | None:
        """Return the token to send now, without waiting; None where there is none."""
        token = self._current
        if token is not None and self._clock.now() < token.usable_until:
            return token
        return None

    async def token(self, *, deadline: float) -> Token:
        """Return a token to send, waiting for one if need be.

        Raises:
            UpstreamAuthFailed: Dinie refuses the credential.
            CredentialsUnavailable: none came before the deadline (monotonic), or there
                was one before and renewing it fails.
        """
        while (token := self.usable()) is None:
            self._refuse_at_once()
            self._wake.set()
            await self._next_word(deadline)
        return token

    async def renewed(self, stale: Token, *, deadline: float) -> Token:
        """Return a token newer than one that was answered with a 401.

        Raises:
            UpstreamAuthFailed: the newest token is refused just after a forced renewal.
            CredentialsUnavailable: as for `token`.
        """
        current = self._current
        # A late 401 for an old token must not throw a newer one away.
        if current is not None and current.generation <= stale.generation:
            since = self._clock.now() - self._forced_at
            if since < FORCED_GAP:
                raise UpstreamAuthFailed(
                    "Dinie refuses a token that was renewed just now.",
                    retry_after=FORCED_GAP - since,
                )
            self._forced_at = self._clock.now()
            self._current = None
            self._reason = "rejected"
            self._next_try = 0.0
        return await self.token(deadline=deadline)

    async def prove(
        self, credential: Credential
    ) -> Literal["good", "refused", "unknown"]:
        """Try a credential that is to replace another; keep a good one's token.

        Whoever asks makes it the one in force before anything else runs.
        """
        asked_at = self._clock.now()
        result = await self._endpoint.mint(credential)
        if isinstance(result, Grant):
            self._keep(result, credential, asked_at)
            self._tell()
            self._observer.token("proof", "ok")
            return "good"
        if isinstance(result, Refused):
            self._observer.token("proof", "refused")
            return "refused"
        self._observer.token("proof", result.reason)
        return "unknown"

    def _secret_changed(self) -> None:
        if self._secrets.current is None:
            self._current = None  # it was taken away: its token goes with it
        self._next_try = 0.0
        self._wake.set()

    def _refuse_at_once(self) -> None:
        """Raise what waiting would not change."""
        now = self._clock.now()
        credential = self._secrets.current
        if credential is not None and self._is_refused(credential, now):
            raise UpstreamAuthFailed(
                "Dinie's token endpoint refuses the gateway's credential. "
                "Check client_id and client_secret at the secrets provider.",
                retry_after=self._refused_until - now,
            )
        if self.ever_had_one and self._failures > _TOLERATED:
            raise CredentialsUnavailable(
                "The token has expired and cannot be renewed.",
                retry_after=max(1.0, self._next_try - now),
            )

    def _is_refused(self, credential: Credential, now: float) -> bool:
        return credential.version == self._refused_version and now < self._refused_until

    async def _next_word(self, deadline: float) -> None:
        """Wait until the task has tried again, or the deadline."""
        left = deadline - self._clock.now()
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiters.add(waiter)
        try:
            async with asyncio.timeout(max(0.0, left)):
                await waiter
        except TimeoutError:
            raise CredentialsUnavailable(
                "No token could be had before the deadline; see /readyz for the cause.",
                retry_after=max(1.0, self._next_try - self._clock.now()),
            ) from None
        finally:
            self._waiters.discard(waiter)

    # The task.

    async def run(self) -> None:
        """Renew for as long as the gateway runs; joined by whoever started it."""
        while True:
            self._wake.clear()
            wait = self._due_in()
            if wait > 0:
                try:
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                continue
            await self.step()

    def _due_in(self) -> float:
        """Return s until the next try is due."""
        now = self._clock.now()
        credential = self._secrets.current
        if credential is None:
            return _NO_SECRET
        if self._is_refused(credential, now):
            return self._refused_until - now
        if self._next_try > now:
            return self._next_try - now
        token = self._current
        if token is None:
            return 0.0
        if token.secret_version != credential.version:
            self._reason = "secret_changed"
            return 0.0
        return min(_IDLE, token.renew_at - now)

    async def step(self) -> None:
        """Try once to get a token, and tell those who wait."""
        credential = self._secrets.current
        if credential is None:
            return
        reason, self._reason = self._reason, "scheduled"
        asked_at = self._clock.now()
        result = await self._endpoint.mint(credential)
        if isinstance(result, Grant):
            # A proof may have overtaken this one: what it kept is of a newer secret.
            held = self._secrets.current
            if held is not None and held.version == credential.version:
                self._keep(result, credential, asked_at)
            self._observer.token(reason, "ok")
        elif isinstance(result, Refused):
            await self._refused(credential)
            self._observer.token(reason, "refused")
        else:
            self._failed()
            self._observer.token(reason, result.reason)
        self._tell()

    def _tell(self) -> None:
        """Let those who wait look again."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _keep(self, grant: Grant, credential: Credential, asked_at: float) -> None:
        self._generation += 1
        self._failures = 0
        self._next_try = 0.0
        self._refused_version = None
        self._current = make_token(
            grant,
            asked_at=asked_at,
            random=self._random(),
            generation=self._generation,
            secret_version=credential.version,
        )

    def _failed(self) -> None:
        # A token that still lives is kept: the caller does not feel this yet.
        self._failures += 1
        self._next_try = self._clock.now() + retry_wait(
            self._failures, random=self._random()
        )

    async def _refused(self, credential: Credential) -> None:
        """Look whether the secret moved on; if not, stop asking for a while."""
        if await self._secrets.refresh("refused"):
            return
        self._failures += 1
        self._refused_version = credential.version
        self._refused_until = self._clock.now() + REFUSED_GAP
