"""Ends commands on SIGTERM, also as process 1, where it has no default effect."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, Final, NoReturn

TERMINATED: Final = 143  # 128 and the number of SIGTERM
_GRACE: Final = 10.0  # s in which a step comes to its end by itself


class Terminated(Exception):  # noqa: N818 - named for what happened
    """SIGTERM came during a pause."""


def end_on_sigterm() -> None:
    """End this process with 143 on SIGTERM, unless a command installs its own handler.

    The kernel gives process 1 of a container no default handlers: without one the
    signal is ignored, and the container is killed after its grace period.
    """
    signal.signal(signal.SIGTERM, _end)


def _end(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    raise SystemExit(TERMINATED)


class Termination:
    """Lets a command that works in steps end between two of them."""

    def __init__(self, grace: float = _GRACE) -> None:
        """Install no handler yet.

        Args:
            grace: s that a step has to end by itself.
        """
        self._grace = grace
        self._requested = asyncio.Event()

    async def run(self, job: Coroutine[Any, Any, int]) -> int:
        """Run a command; return its exit code, or 143 where SIGTERM ended it.

        A pause ends at once. A step may finish; one that takes longer than the grace
        is cancelled, and releases what it holds.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._requested.set)
        running = asyncio.ensure_future(job)
        requested = asyncio.ensure_future(self._requested.wait())
        await asyncio.wait({running, requested}, return_when=asyncio.FIRST_COMPLETED)
        requested.cancel()
        await asyncio.wait({running}, timeout=self._grace)
        if not running.done():
            running.cancel()
            await asyncio.wait({running}, timeout=self._grace)
        if running.cancelled() or not running.done():
            return TERMINATED
        try:
            return running.result()
        except Terminated:
            return TERMINATED

    async def pause(self, seconds: float) -> None:
        """Wait for so many seconds.

        Raises:
            Terminated: SIGTERM has come, before or during the wait.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._requested.wait()
        except TimeoutError:
            return
        raise Terminated
