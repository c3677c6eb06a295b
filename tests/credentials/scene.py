"""A token source whose task runs, with the doubles around it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from gateway.credentials.policy import Grant, Refused, Transient
from gateway.credentials.token_source import TokenSource
from tests.fakes import FakeClock, FakeSecrets, FakeTokenEndpoint, FakeTokenObserver


class Scene:
    """A source and what it talks to."""

    def __init__(
        self,
        *script: Grant | Refused | Transient,
        version: str | None = "1",
        life: float = 3600.0,
    ) -> None:
        self.clock = FakeClock()
        self.endpoint = FakeTokenEndpoint(*script, life=life)
        self.secrets = FakeSecrets(version)
        self.observer = FakeTokenObserver()
        self.source = TokenSource(
            self.endpoint,
            self.secrets,
            clock=self.clock,
            random=lambda: 0.5,
            observer=self.observer,
        )

    @property
    def soon(self) -> float:
        """Return a deadline that is waited for in earnest."""
        return self.clock.now() + 0.1

    @property
    def later(self) -> float:
        """Return a deadline that is never reached."""
        return self.clock.now() + 20.0

    async def value(self) -> str:
        """Return the text of the token that would be sent."""
        return (await self.source.token(deadline=self.later)).value.reveal()

    async def wake(self) -> None:
        """Have the task look at the clock again."""
        assert self.secrets.current is not None
        self.secrets.change(self.secrets.current.version)
        await settle()


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(12):
        await asyncio.sleep(0)


@asynccontextmanager
async def running(scene: Scene) -> AsyncIterator[Scene]:
    """Run the source's task meanwhile."""
    task = asyncio.create_task(scene.source.run())
    try:
        yield scene
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
