"""A watcher of secrets, with a provider that returns what a test gives it."""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretSet, required
from gateway.secrets.watcher import SecretWatcher
from tests.fakes import FakeClock


def secret_set(version: str) -> SecretSet:
    """Return a set of one version."""
    fields = {"client_id": Secret("id"), "client_secret": Secret(f"secret-{version}")}
    return required(fields, where="x", version=version)


class Provider:
    """Returns what a test gives it, in turn; the last one stays."""

    name, expires_in = "fake", None
    warning: str | None = None

    def __init__(self, *answers: str | Exception) -> None:
        self.answers = list(answers)
        self.reads = 0
        self.max_interval = float("inf")
        self.gate: asyncio.Event | None = None
        self.closed = False
        self.same_pair = False

    async def read(self) -> SecretSet:
        self.reads += 1
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers[0]
        if len(self.answers) > 1:
            self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        made = secret_set(answer)
        if self.same_pair:
            return replace(made, client_secret=Secret("secret-1"))
        return made

    async def close(self) -> None:
        self.closed = True


class Scene:
    """A watcher and everything that it reports."""

    def __init__(
        self, provider: Provider, *, refresh: float = 60, random: float = 0.5
    ) -> None:
        self.provider = provider
        self.clock = FakeClock()
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.refused: Counter[str] = Counter()
        self.changes: list[str | None] = []
        self.wrong: set[str] = set()
        self.watcher = SecretWatcher(
            provider,
            guard=lambda found: ["wrong one"] if found.version in self.wrong else [],
            clock=self.clock,
            interval=refresh,
            random=lambda: random,
            on_event=lambda name, **fields: self.events.append((name, fields)),
            on_refused=lambda reason: self.refused.update([reason]),
        )
        self.watcher.add_listener(lambda: self.changes.append(self.version))

    @property
    def version(self) -> str | None:
        current = self.watcher.current
        return None if current is None else current.version

    async def run(self, until: Callable[[], bool]) -> None:
        """Run until a condition holds; the clock moves when the watcher sleeps."""
        async with asyncio.timeout(5):
            task = asyncio.ensure_future(self.watcher.run())
            while not until():  # noqa: ASYNC110 - the clock is ours
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task])
