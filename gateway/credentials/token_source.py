"""Which token is sent now, and who renews it?

One long-lived task (`run`) mints; callers only look, or wait for the task's next word.
So there is never more than one mint at a time, and a caller that goes away cancels
nothing that others wait for.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

from gateway.core.clock import Clock, Instant, instant
from gateway.core.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.credentials.policy import (
    FORCED_GAP,
    Grant,
    Refused,
    Token,
    Transient,
    make_token,
)
from gateway.credentials.ports import (
    Credential,
    CredentialSource,
    Observer,
    TokenEndpoint,
)
from gateway.credentials.schedule import RefreshSchedule

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
        self._schedule = RefreshSchedule()
        self._requests = 0  # that were begun,
        self._outdated = 0  # and up to which of them a 401 came after the beginning
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
        if self._schedule.has_refusal:
            return "the token endpoint refuses the credential"
        if failures := self._schedule.failures:
            return f"the token endpoint failed {failures} times in a row"
        return "a token is being asked for"

    @property
    def cooldown_left(self) -> float:
        """Return for how many s more the token endpoint asked not to be called."""
        return self._schedule.cooldown_left(self._clock.now())

    @property
    def expires_in(self) -> float | None:
        """Return how long the current token lives, s; None without one."""
        if self._current is None:
            return None
        return self._current.expires_at - self._clock.now()

    def usable(self) -> Token | None:
        """Return the token to send now, without waiting; None where there is none."""
        token = self._current
        clock = self._clock
        if token and token.is_usable(now=clock.now(), unix=clock.unix()):
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
            self._check_worth_waiting(deadline)
            self._wake.set()
            await self._wait_for_attempt(deadline)
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
            # A mint that began before the 401 may bring what the 401 was about.
            self._outdated = self._requests
            self._schedule.try_now()
        return await self.token(deadline=deadline)

    async def prove(
        self, credential: Credential
    ) -> Literal["good", "refused", "unknown"]:
        """Try a credential that is to replace another; keep a good one's token.

        Whoever asks makes it the one in force before anything else runs.
        """
        asked_at = instant(self._clock)
        result = await self._endpoint.request_token(credential)
        if isinstance(result, Grant):
            self._keep(result, credential, asked_at)
            self._wake_waiters()
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
        self._schedule.try_now()
        self._wake.set()

    def _check_worth_waiting(self, deadline: float) -> None:
        """Raise what waiting until the deadline would not change."""
        now = self._clock.now()
        credential = self._secrets.current
        if credential is not None and (
            refused := self._schedule.refused_for(credential.version, now)
        ):
            raise UpstreamAuthFailed(
                "Dinie's token endpoint refuses the gateway's credential. "
                "Check client_id and client_secret at the secrets provider.",
                retry_after=refused,
            )
        if self._schedule.cooldown_left(now) > deadline - now:
            raise CredentialsUnavailable(
                "There is no token, and Dinie's token endpoint asks to wait for longer "
                "than this request may.",
                retry_after=self._schedule.wait(now),
            )
        if self.ever_had_one and self._schedule.failures > _TOLERATED:
            raise CredentialsUnavailable(
                "The token has expired and cannot be renewed.",
                retry_after=max(1.0, self._schedule.wait(now)),
            )

    async def _wait_for_attempt(self, deadline: float) -> None:
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
                retry_after=max(1.0, self._schedule.wait(self._clock.now())),
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
        if blocked := max(
            self._schedule.refused_for(credential.version, now),
            self._schedule.wait(now),
        ):
            return blocked
        token = self._current
        if token is None:
            return 0.0
        if token.secret_version != credential.version:
            self._reason = "secret_changed"
            return 0.0
        if now < token.usable_until and self._clock.unix() >= token.usable_until_unix:
            return 0.0  # it ended while this machine was suspended
        return min(_IDLE, token.renew_at - now)

    async def step(self) -> None:
        """Try once to get a token, and tell those who wait."""
        credential = self._secrets.current
        if credential is None:
            return
        reason, self._reason = self._reason, "scheduled"
        self._requests += 1
        number = self._requests
        asked_at = instant(self._clock)
        result = await self._endpoint.request_token(credential)
        # A proof may have overtaken this one: then it says nothing of what is held.
        held = self._secrets.current
        current = held is not None and held.version == credential.version
        if isinstance(result, Grant):
            if current and number > self._outdated:
                self._keep(result, credential, asked_at)
            self._observer.token(reason, "ok")
        elif isinstance(result, Refused):
            await self._refused(credential)
            self._observer.token(reason, "refused")
        else:
            if current or result.retry_after is not None:
                self._failed(result)
            self._observer.token(reason, result.reason)
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        """Let those who wait look again."""
        waiters, self._waiters = self._waiters, set()
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)

    def _keep(self, grant: Grant, credential: Credential, asked_at: Instant) -> None:
        self._generation += 1
        self._schedule.succeeded()
        self._current = make_token(
            grant,
            asked_at=asked_at.monotonic,
            asked_unix=asked_at.unix,
            random=self._random(),
            generation=self._generation,
            secret_version=credential.version,
        )

    def _failed(self, result: Transient) -> None:
        # A token that still lives is kept: the caller does not feel this yet.
        self._schedule.failed(result, now=self._clock.now(), random=self._random())

    async def _refused(self, credential: Credential) -> None:
        """Look whether the secret moved on; if not, stop asking for a while."""
        await self._secrets.refresh("refused")
        held = self._secrets.current
        if held is not None and held.version == credential.version:
            self._schedule.refused(credential.version, now=self._clock.now())
