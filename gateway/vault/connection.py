"""Sends calls to Vault with hvac, on threads of its own.

hvac blocks, keeps its token on a shared session, and looks for one in the environment
and the home directory. So each call has its own client on a thread, and its token is
always passed, even where it is empty.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

import hvac

from gateway.core.backoff import full_jitter
from gateway.core.clock import Clock
from gateway.core.secret import Secret
from gateway.vault import faults
from gateway.vault.faults import Call
from gateway.vault.threads import DaemonThreads

_THREADS: Final = 2  # one may hang
_WHOLE: Final = 2.0  # timeouts; the longest a response may take to come in parts
_ATTEMPTS: Final = 3  # of a call that may be repeated
_BACKOFF_BASE: Final = 0.2  # s
_REPEATED: Final = frozenset({412, 429, 500, 502, 503})
# After a 5xx a login may have used up a part of its secret id, and a write be done.
_REPEATED_UNSAFE: Final = frozenset({412, 429})


class Connection:
    """The way to one Vault."""

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
        """Send nothing yet.

        Args:
            address: URL of Vault.
            namespace: Sent with each call; None: none.
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
        """Return the facts that the error of a call may show.

        Args:
            kind: Of call, as `Call.kind`.
            place: The API path without /v1/.
            hint: What to check after a refused login.
        """
        return Call(kind, place, self._address, self._timeout, hint)

    def close(self) -> None:
        """End the threads, without waiting for a call under way."""
        self._threads.shutdown()

    async def send(
        self, call: Call, token: Secret, invoke: Callable[[Any], Any]
    ) -> dict[str, Any]:
        """Return Vault's response; repeat the call where that is safe.

        Args:
            call: Describes it, for the error.
            token: Sent with the call; empty: none.
            invoke: Makes the call with an hvac client, on a thread.

        Raises:
            SecretsUnavailable: with a sentence that says what to do.
        """
        response = None
        repeated = _REPEATED_UNSAFE if call.kind in {"login", "write"} else _REPEATED
        until = self._clock.now() + self._timeout
        for attempt in range(_ATTEMPTS):
            statuses: list[int] = []
            try:
                response = await self._once(token, invoke, statuses)
                break
            except Exception as error:  # noqa: BLE001 - two libraries, many classes
                status = statuses[-1] if statuses else None
                failure = faults.explain(error, call, status)
            wait = full_jitter(
                attempt, base=_BACKOFF_BASE, cap=1.0, random=self._random()
            )
            late = self._clock.now() + wait > until
            final = status not in repeated or failure.reason == "sealed"
            if final or late or attempt == _ATTEMPTS - 1:
                # Not chained: the library's text may hold secrets.
                raise failure from None
            await self._clock.sleep(wait)
        if isinstance(response, dict):
            return response
        if getattr(response, "is_redirect", False):
            raise faults.redirected(call)
        raise faults.malformed(call)

    async def _once(
        self, token: Secret, invoke: Callable[[Any], Any], statuses: list[int]
    ) -> Any:
        async with asyncio.timeout(self._timeout * _WHOLE):
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._blocking, token, invoke, statuses
            )

    def _blocking(
        self, token: Secret, invoke: Callable[[Any], Any], statuses: list[int]
    ) -> Any:
        vault = hvac.Client(
            url=self._address,
            token=token.reveal(),
            namespace=self._namespace,
            verify=self._ca_file or True,
            timeout=self._timeout,
            allow_redirects=False,  # hvac would send the token to any host
        )
        # No proxy and no .netrc of the environment.
        vault.session.trust_env = False
        # hvac does not return the status of a response.
        vault.session.hooks["response"].append(
            lambda response, *_, **__: statuses.append(response.status_code)
        )
        try:
            return invoke(vault)
        finally:
            vault.adapter.close()
