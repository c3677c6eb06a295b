"""The token endpoint behind a circuit of its own.

It may be away while the API is well, and the other way round.
"""

from typing import Final

from gateway.breaker.stage import BreakerStage
from gateway.core.errors import CircuitOpen
from gateway.credentials.policy import Grant, Refused, Transient
from gateway.credentials.ports import Credential, TokenEndpoint
from gateway.upstream.token_endpoint import COOLDOWN

_CONNECTING: Final = frozenset({"unreachable", "tls_invalid"})
_OURS: Final = frozenset({"credential_malformed", COOLDOWN})  # nothing was asked
_ANSWERED: Final = frozenset({"status_4xx"})  # 429 among them
CIRCUIT_OPEN: Final = "circuit_open"


class GuardedTokenEndpoint:
    """A `TokenEndpoint` that is left alone while it fails."""

    def __init__(self, endpoint: TokenEndpoint, breaker: BreakerStage) -> None:
        self._endpoint = endpoint
        self._breaker = breaker

    async def request_token(
        self, credential: Credential
    ) -> Grant | Refused | Transient:
        """Ask for a token, or say that asking is of no use now."""
        try:
            held = self._breaker.admit()
        except CircuitOpen:
            return Transient(CIRCUIT_OPEN)
        verdict = "ignored"
        try:
            result = await self._endpoint.request_token(credential)
            verdict = _verdict(result)
            return result
        finally:
            self._breaker.record(verdict, held)


def _verdict(result: Grant | Refused | Transient) -> str:
    if not isinstance(result, Transient):
        return "success"  # a refusal is an answer
    if result.reason in _ANSWERED:
        return "success"  # it is there, and does not want this
    if result.reason in _OURS:
        return "ignored"
    return "connect_failure" if result.reason in _CONNECTING else "failure"
