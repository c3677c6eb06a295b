"""Runs blocking calls on threads that nobody has to wait for.

A pool of the standard library is joined when the process ends, and a call that drips a
byte at a time never does: no command would end, and no drain.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Thread
from typing import Any


class DaemonThreads(Executor):
    """Up to `number` daemon threads, begun when there is something to do."""

    def __init__(self, number: int, *, name: str) -> None:
        self._number = number
        self._name = name
        self._begun = 0
        self._closed = False
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None]
        self._jobs = SimpleQueue()

    def submit(  # type: ignore[override]
        self, job: Callable[..., Any], *arguments: Any
    ) -> Future[Any]:
        """Run a job with its arguments; return where its result will be.

        Raises:
            RuntimeError: the threads were told to end.
        """
        if self._closed:
            raise RuntimeError("the threads were told to end")
        future: Future[Any] = Future()
        self._jobs.put((future, lambda: job(*arguments)))
        if self._begun < self._number:
            self._begun += 1
            Thread(
                target=self._work, name=f"{self._name}-{self._begun}", daemon=True
            ).start()
        return future

    def shutdown(
        self,
        wait: bool = True,  # noqa: FBT001, FBT002 - as every executor has it
        *,
        cancel_futures: bool = False,
    ) -> None:
        """Let the threads end after what they have in hand; none is waited for."""
        del wait, cancel_futures
        self._closed = True
        while not self._jobs.empty():
            waiting = self._jobs.get()
            if waiting is not None:
                waiting[0].cancel()
        for _ in range(self._begun):
            self._jobs.put(None)

    def _work(self) -> None:
        while (taken := self._jobs.get()) is not None:
            future, job = taken
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(job())
            except BaseException as error:  # noqa: BLE001 - it is the caller's to judge
                future.set_exception(error)
