"""Remembers idempotency keys and the responses that they had."""

import hashlib
from collections import Counter
from dataclasses import dataclass

from gateway.core.clock import Clock
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.response import Refusal, Reply

LIFE = 86_400.0  # s


@dataclass(slots=True)
class _Kept:
    """A response under a key; None while the request is at work."""

    fingerprint: str
    at: float  # s, monotonic
    reply: Reply | None = None
    held: bool = False  # answered, but the response has not gone out yet


class Keys:
    """Dinie's idempotency store, and a count of what was really executed.

    There is one partner here, so that a key alone stands for partner and key.
    """

    def __init__(self, options: SimulatorOptions, clock: Clock) -> None:
        self._options = options
        self._clock = clock
        self._kept: dict[str, _Kept] = {}
        self.effects: Counter[str] = Counter()

    def key_of(self, headers: dict[str, str]) -> str | None:
        """Return the key that counts, by the configured header."""
        docs, sdk = headers.get("idempotency-key"), headers.get("x-idempotency-key")
        return {"docs": docs, "sdk": sdk, "both": docs or sdk}[
            self._options.idempotency_header
        ]

    def replay(self, key: str, fingerprint: str) -> Reply | None:
        """Return the response kept under a key; None: execute, then `keep`.

        Raises:
            Refusal: the key is at work, or belongs to another request.
        """
        kept = self._kept.get(key)
        if kept is None or self._clock.now() > kept.at + LIFE:
            self._kept[key] = _Kept(fingerprint, self._clock.now())
            return None
        if kept.fingerprint != fingerprint:
            raise Refusal(
                self._options.key_reuse_status,
                "idempotency_key_reused",
                "the key was used for another request",
            )
        if kept.reply is None or kept.held:
            raise Refusal(409, "idempotency_key_in_flight", "the key is at work")
        return kept.reply

    def keep(self, key: str, reply: Reply) -> None:
        """Keep a response; refusals free the key, as nothing was executed."""
        if reply.status < 300:  # noqa: PLR2004
            self._kept[key].reply = reply
            self.effects[key] += 1
        else:
            del self._kept[key]

    def hold(self, key: str | None, *, held: bool) -> None:
        """Let a key count as at work, though its request has been executed."""
        if key is not None and key in self._kept:
            self._kept[key].held = held


def fingerprint(method: str, path: str, body: bytes) -> str:
    """Return what tells two requests apart."""
    digest = hashlib.sha256(f"{method} {path}\n".encode())
    digest.update(body)
    return digest.hexdigest()
