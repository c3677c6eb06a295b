"""An event loop whose time is made up: it jumps to the next moment waited for."""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.SelectSelector):
    """Moves the loop's time on instead of waiting."""

    loop: "VirtualLoop"

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if not found and timeout:
            self.loop.moment += timeout
        assert timeout is not None, "everybody waits, and nothing will ever happen"
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Whatever sleeps on it sleeps no time at all."""

    def __init__(self) -> None:
        self.moment = 1000.0
        selector = _Selector()
        super().__init__(selector)
        selector.loop = self

    def time(self) -> float:
        return self.moment


class LoopClock:
    """The clock of the loop that runs."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def unix(self) -> float:
        return 1_790_000_000.0 + self.now() - 1000.0

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


def play(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run something in made-up time."""
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine)
    finally:
        loop.close()
