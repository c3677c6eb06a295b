"""Doubles for the ports of the rooms."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from gateway.core.errors import GatewayError
from gateway.core.secret import Secret
from gateway.credentials.policy import Grant, Refused, Transient
from gateway.credentials.ports import Credential


class FakeClock:
    """A clock that moves only when told, or when somebody sleeps on it."""

    def __init__(self, now: float = 1000.0, unix: float = 1_790_000_000.0) -> None:
        self._now = now
        self._unix = unix
        self.slept: list[float] = []

    def now(self) -> float:
        """Return the made-up monotonic moment, s."""
        return self._now

    def unix(self) -> float:
        """Return the made-up wall-clock moment, s."""
        return self._unix

    def advance(self, seconds: float) -> None:
        """Move both clocks on."""
        self._now += seconds
        self._unix += seconds

    def suspend(self, seconds: float) -> None:
        """Have the machine suspended: its monotonic clock stands still meanwhile."""
        self._unix += seconds

    async def sleep(self, seconds: float) -> None:
        """Move on at once, letting others run."""
        self.slept.append(seconds)
        self.advance(seconds)
        await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class FakeCredential:
    """A client credential."""

    version: str = "1"
    client_id: Secret = field(default_factory=lambda: Secret("dinie_ci_test_made-up"))
    client_secret: Secret = field(default_factory=lambda: Secret("made-up secret/+:"))


class FakeSecrets:
    """Holds a credential; `newer` is what a refresh will find."""

    def __init__(self, version: str | None = "1") -> None:
        self.current: Credential | None = None
        self.newer: Credential | None = None
        self.refreshes: list[str] = []
        self._listeners: list[Callable[[], None]] = []
        if version is not None:
            self.current = FakeCredential(version)

    def add_listener(self, callback: Callable[[], None]) -> None:
        self._listeners.append(callback)

    async def refresh(self, reason: str) -> bool:
        self.refreshes.append(reason)
        if self.newer is None:
            return False
        self.change(self.newer.version)
        self.newer = None
        return True

    def change(self, version: str) -> None:
        """Have another version from now on, and say so."""
        self.current = FakeCredential(version)
        for callback in self._listeners:
            callback()


class FakeTokenEndpoint:
    """Answers by a script, then with fresh tokens; `gate` holds every answer back."""

    def __init__(
        self, *script: Grant | Refused | Transient, life: float = 3600
    ) -> None:
        self.script = deque(script)
        self.life = life
        self.asked: list[str] = []  # the versions of the credentials
        self.gate = asyncio.Event()
        self.gate.set()

    async def request_token(
        self, credential: Credential
    ) -> Grant | Refused | Transient:
        self.asked.append(credential.version)
        number = len(self.asked)
        await self.gate.wait()
        if self.script:
            return self.script.popleft()
        return Grant(Secret(f"token-{number}"), self.life)


class FakeTokenObserver:
    """Keeps what it hears of renewals."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str]] = []

    def token(self, reason: str, result: str) -> None:
        self.heard.append((reason, result))


class FakeBreaker:
    """Lets everything pass until it is given a refusal."""

    def __init__(self) -> None:
        self.verdicts: list[str] = []
        self.hurried: list[bool] = []
        self.refusal: GatewayError | None = None
        self.on_admit: Callable[[], object] = lambda: None
        self.on_record: Callable[[], object] = lambda: None
        self.circuit = "closed"

    def admit(self, *, safe: bool = True, hurried: bool = False) -> None:
        del safe
        self.hurried.append(hurried)
        self.on_admit()
        if self.refusal is not None:
            raise self.refusal

    def record(self, outcome: str, held: object = None) -> None:
        del held
        self.verdicts.append(outcome)
        self.on_record()


class FakeRetryObserver:
    """Keeps what it hears of retries."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.identical = 0
        self.on_retry: Callable[[], object] = lambda: None

    def retry(self, reason: str) -> None:
        self.on_retry()
        self.reasons.append(reason)

    def identical_5xx(self) -> None:
        self.identical += 1
