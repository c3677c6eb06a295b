"""Reads the secrets at intervals and keeps the last good ones in force."""

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
_REFUSED_GAP = 60.0  # s between proofs of a credential that Dinie refused
_REFUSED = (
    "Dinie's token endpoint refuses the new credential; the one before stays in "
    "force: put a working one there"
)
_UNPROVEN = (
    "the new credential could not be tried, since the token endpoint gave no answer; "
    "the one before stays in force until it is"
)
_LOG_AGAIN = 50.0  # s between log lines for the same failure
_SPREAD = 0.1  # of the interval, so that replicas do not read together


def _ignore(reason: str) -> None:
    """Report nothing."""


def _pair(held: SecretSet) -> tuple[Secret, Secret]:
    return held.client_id, held.client_secret


class SecretWatcher:
    """Holds the newest secrets of this environment whose credential works."""

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
        """Hold no secrets yet.

        Args:
            provider: Where secrets come from.
            guard: Returns the faults of a set for this environment; empty: none.
            clock: Real or fake.
            interval: s between reads, +/- 10 %.
            random: Returns from [0, 1).
            on_event: Takes an event's name and safe fields, for the log.
            on_refused: Takes the reason of each read without a usable result.
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
        self._begun = 0  # reads so far
        self._ended = 0  # number of the read that ended last
        self._failures = 0
        self._first = asyncio.Event()
        self._refused_version: str | None = None
        self._refused_until = 0.0
        self._prove: Prover | None = None
        self._unproven = 0
        self._logged: tuple[str, float] | None = (
            None  # a failure, and when, s monotonic
        )
        self.last_success_unix: float | None = None
        self.last_error: str | None = "no secrets have been read yet"
        self.faults: tuple[str, ...] = ()  # why the last set was refused

    @property
    def current(self) -> SecretSet | None:
        """Return the secrets in force; None: none could be read yet."""
        return self._current

    @property
    def expires_in(self) -> float | None:
        """Return in how many s the provider's access ends; None: no end is known."""
        return self._provider.expires_in

    def add_listener(self, callback: Callable[[], None]) -> None:
        """Register a callback for each change of the version."""
        self._listeners.append(callback)

    def prove_with(self, prove: Prover) -> None:
        """Have each new credential proven before it replaces the one in force."""
        self._prove = prove

    async def refresh(self, reason: str) -> bool:
        """Read again now; return whether the version changed.

        The result is that of a read that began after the call: a read that is under
        way may have seen the earlier content.
        """
        before = self._version
        begun = self._begun
        async with self._reading:
            if self._ended <= begun:
                self._begun += 1
                await self._read(reason)
                self._ended = (
                    self._begun
                )  # not after a cancellation: others wait for a read
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
        except Exception as error:  # noqa: BLE001 - a provider's bug must not end the task
            self._failed("malformed", f"the provider failed: {type(error).__name__}")
            return
        self.last_success_unix = self._clock.unix()
        if found.version == self._version:
            self._settled()
        elif faults := self._guard(found):
            self._refuse(found, faults, reason, "environment")
        else:
            await self._prove_and_take(found, reason)

    async def _prove_and_take(self, found: SecretSet, reason: str) -> None:
        """Put a set in force whose credential works, is unchanged, or is the first."""
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
            self._logged = None
        elif self._is_new(warning):
            self._on_event("secrets_expiring", detail=warning)

    def _refuse(
        self, found: SecretSet, faults: list[str], reason: str, why: str
    ) -> None:
        """Keep the set in force: the new one is not usable here."""
        self._failures += 1
        self._unproven = 0
        self.faults = tuple(faults)
        self.last_error = "; ".join(faults)
        self._on_refused(why)
        if found.version == self._refused_version:
            return  # logged already
        self._refused_version = found.version
        self._on_event("secrets_refused", faults=faults, reason=reason)

    def _failed(self, reason: str, detail: str) -> None:
        self._failures += 1
        self.last_error = detail
        self._on_refused(reason)
        if self._is_new(detail):
            self._on_event("secrets_unavailable", reason=reason, detail=detail)

    def _is_new(self, text: str) -> bool:
        """Return whether to log a failure: a new one, or again after _LOG_AGAIN."""
        now = self._clock.now()
        logged, self._logged = self._logged, (text, now)
        if logged is None or logged[0] != text or now - logged[1] >= _LOG_AGAIN:
            return True
        self._logged = logged
        return False

    async def close(self) -> None:
        """Close the provider."""
        await self._provider.close()
