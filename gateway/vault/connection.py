"""Asks Vault without stopping the event loop: hvac, on two threads of its own.

hvac blocks, keeps its token on a shared session and would look for one in the
environment and the home directory. So each call has a client of its own, and its token
is always passed, even when it is empty.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final, NoReturn

import hvac

from gateway.core.backoff import full_jitter
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import faults
from gateway.vault.faults import Call
from gateway.vault.threads import DaemonThreads

_THREADS: Final = 2  # one hangs, one works
_WHOLE: Final = 2.0  # times the timeout: a call that drips ends here
_TRIES: Final = 3  # of a call that Vault says to repeat
_PAUSE: Final = 0.2  # s before the first repeat, at most
_AGAIN: Final = frozenset({412, 429, 500, 502, 503})
# What failed inside Vault may have been done: a use of the secret id, or the write.
_AGAIN_ONCE: Final = frozenset({412, 429})


class Connection:
    """One Vault, and how it is asked."""

    def __init__(
        self,
        address: str,
        *,
        namespace: str | None,
        ca_file: str | None,
        timeout: float,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        """Ask nothing yet.

        Args:
            address: URL of Vault.
            namespace: Sent along; None: none.
            ca_file: PEM, trusted instead of the public ones; None: those.
            timeout: s, for a connect and for each read.
            clock: Real or fake.
            random: Returns from [0, 1).
        """
        self._clock = clock
        self._random = random
        self._address = address
        self._namespace = namespace
        self._ca_file = ca_file
        self._timeout = timeout
        self._threads = DaemonThreads(_THREADS, name="vault")

    def describe(self, kind: Any, place: str, hint: str = "") -> Call:
        """Return what is said of a call that fails."""
        return Call(kind, place, self._address, self._timeout, hint)

    def close(self) -> None:
        """Let the threads end; a call under way is not waited for."""
        self._threads.shutdown()

    async def send(
        self, call: Call, token: Secret, ask: Callable[[Any], Any]
    ) -> dict[str, Any]:
        """Return Vault's response; some failures are asked about again.

        Args:
            call: What it is, for the words of a failure.
            token: Sent along; empty: none.
            ask: Makes the call with an hvac client, on a thread.

        Raises:
            SecretsUnavailable: with a sentence that says what to do.
        """
        answer = None
        again = _AGAIN_ONCE if call.kind in {"login", "write"} else _AGAIN
        until = self._clock.now() + self._timeout
        for attempt in range(_TRIES):
            seen: list[int] = []
            try:
                answer = await self._once(token, ask, seen)
                break
            except Exception as error:  # noqa: BLE001 - two libraries, many classes
                status = seen[-1] if seen else None
                failure = faults.explain(error, call, status)
            wait = full_jitter(attempt, base=_PAUSE, cap=1.0, random=self._random())
            late = self._clock.now() + wait > until
            if status not in again or failure.reason == "sealed" or late:
                # Not chained: the library's text may hold what must not be logged.
                _fail(failure)
            if attempt == _TRIES - 1:
                _fail(failure)
            await self._clock.sleep(wait)
        if isinstance(answer, dict):
            return answer
        if getattr(answer, "is_redirect", False):
            raise faults.redirected(call)
        raise faults.malformed(call)

    async def _once(
        self, token: Secret, ask: Callable[[Any], Any], seen: list[int]
    ) -> Any:
        async with asyncio.timeout(self._timeout * _WHOLE):
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._blocking, token, ask, seen
            )

    def _blocking(
        self, token: Secret, ask: Callable[[Any], Any], seen: list[int]
    ) -> Any:
        vault = hvac.Client(
            url=self._address,
            token=token.reveal(),
            namespace=self._namespace,
            verify=self._ca_file or True,
            timeout=self._timeout,
            allow_redirects=False,  # hvac would take the token along to any host
        )
        # No proxy and no .netrc from the environment between us and Vault.
        vault.session.trust_env = False
        # hvac keeps the status of an answer to itself.
        vault.session.hooks["response"].append(
            lambda answer, *_, **__: seen.append(answer.status_code)
        )
        try:
            return ask(vault)
        finally:
            vault.adapter.close()


def _fail(failure: SecretsUnavailable) -> NoReturn:
    raise failure from None
