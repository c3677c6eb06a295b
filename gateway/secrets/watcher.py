"""Which secrets are in force? Reads again and again, and keeps the last good ones."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from gateway.core.backoff import full_jitter
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.secrets.ports import (
    SecretSet,
    SecretsProvider,
    SecretsUnavailable,
    Verdict,
)

Prover = Callable[[SecretSet], Awaitable[Verdict]]
_RETRY_BASE = 1.0  # s, while there are no secrets yet
_RETRY_CAP = 30.0  # s
_REFUSED_GAP = 60.0  # s between tries of a credential that Dinie refused
_REFUSED = (
    "Dinie's token endpoint refuses the new credential; the one before stays in "
    "force: put a working one there"
)
_UNPROVEN = (
    "the new credential could not be tried, since the token endpoint gave no answer; "
    "the one before stays in force until it is"
)
_SAY_AGAIN = 50.0  # s; the same failure is logged once in so long
_SPREAD = 0.1  # of the refresh interval, so that replicas do not read together


def _ignore(reason: str) -> None:
    """Report nothing."""


def _pair(held: SecretSet) -> tuple[Secret, Secret]:
    return held.client_id, held.client_secret


class SecretWatcher:
    """Holds the newest secrets that were read and belong to this environment."""

    def __init__(
        self,
        provider: SecretsProvider,
        *,
        guard: Callable[[SecretSet], list[str]],
        clock: Clock,
        interval: float,
        random: Callable[[], float],
        on_event: Callable[..., Any],
        on_refused: Callable[[str], None] = _ignore,
    ) -> None:
        """Wire the keeper.

        Args:
            provider: Where secrets come from.
            guard: Returns what is wrong with a set for this environment.
            clock: Real or fake.
            interval: s between reads, +/- 10 %.
            random: Returns from [0, 1).
            on_event: Takes an event's name and safe fields, for the log.
            on_refused: Takes the reason of each read that gave nothing usable.
        """
        self._provider = provider
        self._guard = guard
        self._clock = clock
        self._interval = interval
        self._random = random
        self._on_event = on_event
        self._on_refused = on_refused
        self._current: SecretSet | None = None
        self._listeners: list[Callable[[], None]] = []
        self._reading: asyncio.Lock = asyncio.Lock()
        self._begun = 0  # reads that were begun,
        self._ended = 0  # and which of them ended last
        self._failures = 0
        self._first = asyncio.Event()
        self._refused_version: str | None = None
        self._refused_until = 0.0
        self._prove: Prover | None = None
        self._unproven = 0
        self._said: tuple[str, float] | None = None  # a failure, and when, s monotonic
        self.last_success_unix: float | None = None
        self.last_error: str | None = "no secrets have been read yet"
        self.faults: tuple[str, ...] = ()  # why the last set is of another environment

    @property
    def current(self) -> SecretSet | None:
        """Return the secrets in force; None while none could be read."""
        return self._current

    @property
    def expires_in(self) -> float | None:
        """Return in how many s nothing can be read any more; None: no end is known."""
        return self._provider.expires_in

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Call back after each change of the version."""
        self._listeners.append(callback)

    def prove_with(self, prove: Prover) -> None:
        """Have a credential tried before it replaces the one in force."""
        self._prove = prove

    async def refresh(self, reason: str) -> bool:
        """Read again now; return whether the version changed.

        The result is that of a read that began after the call: one that is under way
        may have seen what was there before.
        """
        before = self._version
        begun = self._begun
        async with self._reading:
            if self._ended <= begun:
                self._begun += 1
                await self._read(reason)
                self._ended = self._begun  # not after a cancellation: others want one
        return self._version != before

    async def run(self) -> None:
        """Read for as long as the gateway runs."""
        while True:
            await self.refresh("scheduled")
            await self._clock.sleep(self._pause())

    async def wait_ready(self) -> SecretSet:
        """Wait for the first secrets, and return those in force."""
        while self._current is None:
            await self._first.wait()
        return self._current

    @property
    def _version(self) -> str | None:
        return None if self._current is None else self._current.version

    def _pause(self) -> float:
        soonest = self._provider.max_interval
        if self._current is None or self._unproven:
            wait = full_jitter(
                max(0, (self._unproven or self._failures) - 1),
                base=_RETRY_BASE,
                cap=_RETRY_CAP,
                random=self._random(),
            )
            return wait if self._unproven else min(wait, soonest)
        usual = self._interval * (1 - _SPREAD + 2 * _SPREAD * self._random())
        return min(usual, soonest)

    async def _read(self, reason: str) -> None:
        try:
            found = await self._provider.read()
        except SecretsUnavailable as error:
            self._failed(error.reason, error.detail)
            return
        except Exception as error:  # noqa: BLE001 - a provider's bug must not end us
            self._failed("malformed", f"the provider failed: {type(error).__name__}")
            return
        self.last_success_unix = self._clock.unix()
        if found.version == self._version:
            self._settled()
        elif faults := self._guard(found):
            self._refuse(found, faults, reason, "environment")
        else:
            await self._try(found, reason)

    async def _try(self, found: SecretSet, reason: str) -> None:
        """Take a set whose credential is good, or is the one in force, or the first."""
        held, now = self._current, self._clock.now()
        verdict: Verdict = "good"
        if held is not None and self._prove is not None and _pair(held) != _pair(found):
            if found.version == self._refused_version and now < self._refused_until:
                return
            verdict = await self._prove(found)
        if verdict == "good":
            self._take(found, reason)
        elif verdict == "refused":
            self._refused_until = now + _REFUSED_GAP
            self._refuse(found, [_REFUSED], reason, "credential")
        else:
            self._unproven += 1
            self._failed("unproven", _UNPROVEN)

    def _take(self, found: SecretSet, reason: str) -> None:
        self._settled()
        self._current = found
        self._first.set()
        self._on_event("secrets_read", version=found.version, reason=reason)
        for callback in self._listeners:
            callback()

    def _settled(self) -> None:
        self._failures = self._unproven = 0
        self._refused_version = None
        self.faults = ()
        self.last_error = warning = self._provider.warning
        if warning is None:
            self._said = None
        elif self._is_new(warning):
            self._on_event("secrets_expiring", detail=warning)

    def _refuse(
        self, found: SecretSet, faults: list[str], reason: str, why: str
    ) -> None:
        """Keep what is in force: these are of another environment, or no good."""
        self._failures += 1
        self._unproven = 0
        self.faults = tuple(faults)
        self.last_error = "; ".join(faults)
        self._on_refused(why)
        if found.version == self._refused_version:
            return  # said once; the next version is news again
        self._refused_version = found.version
        self._on_event("secrets_refused", faults=faults, reason=reason)

    def _failed(self, reason: str, detail: str) -> None:
        self._failures += 1
        self.last_error = detail
        self._on_refused(reason)
        if self._is_new(detail):
            self._on_event("secrets_unavailable", reason=reason, detail=detail)

    def _is_new(self, text: str) -> bool:
        """Return whether to log a failure: a new one, or again after a minute."""
        now = self._clock.now()
        said, self._said = self._said, (text, now)
        if said is None or said[0] != text or now - said[1] >= _SAY_AGAIN:
            return True
        self._said = said
        return False

    async def close(self) -> None:
        """Close the provider."""
        await self._provider.close()
