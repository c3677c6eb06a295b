"""Puts a circuit of its own before the token endpoint.

The endpoint may fail while the API works, and the other way round.
Source: `docs/adr/0013-circuits.md`.
"""

from typing import Final

from gateway.breaker.stage import BreakerStage
from gateway.core.errors import CircuitOpen
from gateway.credentials.policy import Grant, Refused, Transient
from gateway.credentials.ports import Credential, TokenEndpoint
from gateway.upstream.token_endpoint import COOLDOWN

_CONNECTING: Final = frozenset({"unreachable", "tls_invalid"})
_NOT_SENT: Final = frozenset({"credential_malformed", COOLDOWN})
_RESPONDED: Final = frozenset({"status_4xx"})  # 429 among them
CIRCUIT_OPEN: Final = "circuit_open"


class GuardedTokenEndpoint:
    """A `TokenEndpoint` that nothing is sent to while its circuit is open."""

    def __init__(self, endpoint: TokenEndpoint, breaker: BreakerStage) -> None:
        """Begin with the circuit as it is.

        Args:
            endpoint: Issues the tokens.
            breaker: The endpoint's own circuit.
        """
        self._endpoint = endpoint
        self._breaker = breaker

    async def request_token(
        self, credential: Credential
    ) -> Grant | Refused | Transient:
        """Request a token; `circuit_open` where nothing was sent."""
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
        return "success"  # it works, and refuses this credential
    if result.reason in _RESPONDED:
        return "success"  # it works, and refuses this request
    if result.reason in _NOT_SENT:
        return "ignored"
    return "connect_failure" if result.reason in _CONNECTING else "failure"
