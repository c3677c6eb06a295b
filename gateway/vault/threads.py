"""Runs blocking calls on daemon threads.

The standard library joins its pools when the process ends, and a call whose response
comes a byte at a time never returns: neither a command nor a drain would end.
"""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from queue import SimpleQueue
from threading import Thread
from typing import Any


class DaemonThreads(Executor):
    """An executor of up to `number` daemon threads, started as jobs come."""

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
        """Run a job with its arguments; return the future of its result.

        Raises:
            RuntimeError: it was shut down.
        """
        if self._closed:
            raise RuntimeError("the executor was shut down")
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
        """End the threads after their present jobs, without waiting for them."""
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
            except BaseException as error:  # noqa: BLE001 - the caller judges it
                future.set_exception(error)
