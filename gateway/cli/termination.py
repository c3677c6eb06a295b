"""Ends commands on SIGTERM, also as process 1, for which it has no default effect."""

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
    """Let SIGTERM end this process with 143, unless a command has a handler of its own.

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
        """Hear nothing yet; `grace` s are left to a step."""
        self._grace = grace
        self._asked = asyncio.Event()

    async def run(self, job: Coroutine[Any, Any, int]) -> int:
        """Run a command; return its exit code, or 143 where SIGTERM ended it.

        A pause ends at once. A step is let come to its end; one that takes longer than
        the grace is cancelled, and gives back what it holds.
        """
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self._asked.set)
        running = asyncio.ensure_future(job)
        asked = asyncio.ensure_future(self._asked.wait())
        await asyncio.wait({running, asked}, return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
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
            Terminated: SIGTERM came, before or meanwhile.
        """
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
        except TimeoutError:
            return
        raise Terminated
