"""Holds Dinie's access token and refreshes it before it ends.

One long-lived task (`run`) requests tokens; callers take the one that is held, or wait
for the task's next result. So its requests never overlap, and a caller that disconnects
cancels nothing that others wait for.
Source: `docs/adr/0007-token-and-secret-version.md`.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from gateway.core.clock import Clock, Instant, instant
from gateway.core.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.credentials.policy import (
    FORCED_GAP,
    Grant,
    Refused,
    Token,
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
_NO_SECRET = 1.0  # s between checks for a first credential; a change also wakes
_TOLERATED = 1  # failed requests in a row after which callers still wait


class TokenSource:
    """The one token of a credential; `run` refreshes it."""

    def __init__(
        self,
        endpoint: TokenEndpoint,
        secrets: CredentialSource,
        *,
        clock: Clock,
        random: Callable[[], float],
        observer: Observer,
    ) -> None:
        """Hold no token yet.

        Args:
            endpoint: Issues tokens.
            secrets: Holds the credential in force.
            clock: Real or fake.
            random: Returns from [0, 1).
            observer: Counts requests.
        """
        self._endpoint = endpoint
        self._secrets = secrets
        self._clock = clock
        self._random = random
        self._observer = observer
        self._current: Token | None = None
        self._generation = 0
        self._schedule = RefreshSchedule()
        self._requests = 0  # begun so far
        self._outdated = 0  # number of the last request that began before a 401
        self._forced_at = float("-inf")
        self._reason = "start"
        self._wake = asyncio.Event()
        self._attempted = asyncio.Event()  # of the request that comes next
        secrets.add_listener(self._secret_changed)

    @property
    def ever_had_one(self) -> bool:
        """Whether a token was obtained since the start; never False again."""
        return self._generation > 0

    @property
    def state(self) -> str:
        """Return why there is a token or none: a safe text for `/readyz`."""
        if self.usable() is not None:
            return "a token is held"
        if self._secrets.current is None:
            return "waiting for the secrets"
        if self._schedule.has_refusal:
            return "the token endpoint refuses the credential"
        if failures := self._schedule.failures:
            return f"the token endpoint failed {failures} times in a row"
        return "a token is being requested"

    @property
    def cooldown_left(self) -> float:
        """Return the s left of the token endpoint's `Retry-After`."""
        return self._schedule.cooldown_left(self._clock.now())

    @property
    def expires_in(self) -> float | None:
        """Return how long the current token lives, s; None without one."""
        if self._current is None:
            return None
        return self._current.expires_at - self._clock.now()

    def usable(self) -> Token | None:
        """Return the token to send now, without waiting; None: there is none."""
        token = self._current
        clock = self._clock
        if token and token.is_usable(now=clock.now(), unix=clock.unix()):
            return token
        return None

    async def token(self, *, deadline: float) -> Token:
        """Return a token to send; wait for one if there is none.

        Raises:
            UpstreamAuthFailed: Dinie refuses the credential.
            CredentialsUnavailable: none came before the deadline (monotonic), or there
                was one before and refreshing it fails.
        """
        while (token := self.usable()) is None:
            self._check_worth_waiting(deadline)
            self._wake.set()
            await self._wait_for_attempt(deadline)
        return token

    async def renewed(self, stale: Token, *, deadline: float) -> Token:
        """Return a token newer than one that got a 401.

        Raises:
            UpstreamAuthFailed: the newest token is refused just after a forced refresh.
            CredentialsUnavailable: as for `token`.
        """
        current = self._current
        # A late 401 for an old token must not discard a newer one.
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
            # A request that began before the 401 may bring a token that it was about.
            self._outdated = self._requests
            self._schedule.reset_backoff()
        return await self.token(deadline=deadline)

    async def prove(
        self, credential: Credential
    ) -> Literal["good", "refused", "unknown"]:
        """Request a token with a credential that is to replace another.

        The token of a good one is kept; the caller puts that credential in force
        before it awaits anything else.

        Returns:
            `good`, `refused`, or `unknown` where the endpoint did not judge it.
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
            self._current = None  # it was removed, and its token is with it
        self._schedule.reset_backoff()
        self._wake.set()

    def _check_worth_waiting(self, deadline: float) -> None:
        """Raise the failure that waiting until the deadline would not change."""
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
                "The token has expired and cannot be refreshed.",
                retry_after=max(1.0, self._schedule.wait(now)),
            )

    async def _wait_for_attempt(self, deadline: float) -> None:
        """Wait until the task has made another request, or the deadline."""
        left = deadline - self._clock.now()
        try:
            async with asyncio.timeout(max(0.0, left)):
                await self._attempted.wait()
        except TimeoutError:
            raise CredentialsUnavailable(
                "No token could be had before the deadline; see /readyz for the cause.",
                retry_after=max(1.0, self._schedule.wait(self._clock.now())),
            ) from None

    async def run(self) -> None:
        """Refresh the token for as long as the gateway runs."""
        while True:
            self._wake.clear()
            wait = self._due_in()
            if wait > 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await self._wake.wait()
                continue
            await self.step()

    def _due_in(self) -> float:
        """Return s until the next request is due."""
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
            return 0.0  # it ended while the machine was suspended
        return min(_IDLE, token.renew_at - now)

    async def step(self) -> None:
        """Request a token once, and wake the callers that wait."""
        credential = self._secrets.current
        if credential is None:
            return
        reason, self._reason = self._reason, "scheduled"
        self._requests += 1
        number = self._requests
        asked_at = instant(self._clock)
        result = await self._endpoint.request_token(credential)
        # A proof may have put another credential in force meanwhile.
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
                # A token that still lives is kept.
                self._schedule.failed(
                    result, now=self._clock.now(), random=self._random()
                )
            self._observer.token(reason, result.reason)
        self._wake_waiters()

    def _wake_waiters(self) -> None:
        """Have waiting callers look for a token again."""
        self._attempted.set()
        self._attempted = asyncio.Event()

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

    async def _refused(self, credential: Credential) -> None:
        """Read the secret again; if it is the same, send it no more for a while."""
        await self._secrets.refresh("refused")
        held = self._secrets.current
        if held is not None and held.version == credential.version:
            self._schedule.refused(credential.version, now=self._clock.now())
