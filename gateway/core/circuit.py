"""The circuit breaker: stops calls to a peer that fails too often. Pure.

CLOSED counts verdicts in ten slices of the window. Too many failures among enough
calls, enough of them in a row, or five refused connections in a row make it OPEN, each
time for twice as long until it closes again; meanwhile one call without an effect may
pass every few seconds. Then HALF_OPEN admits probes, one at a time: enough successes
close it, one failure opens it again.

The API, the token endpoint and each subscriber have one, with rules of their own.
Source: `docs/adr/0013-circuits.md`.
"""

from dataclasses import dataclass
from math import inf
from typing import Final

CLOSED, HALF_OPEN, OPEN = 0, 1, 2  # as the metric `circuit_state` has them

_SLICES: Final = 10
_CONNECT_FAILURES: Final = 5  # in a row
_TIMEOUT_COUNTS: Final = 2  # failures in a row
_FAILURES: Final = frozenset({"failure", "timeout", "connect_failure", "doubtful"})
_SPREAD: Final = 0.2  # of the time open, either way
_SAFE_FIRST: Final = 1.0  # s in which only a call without an effect may be the probe
_PROBE_LASTS: Final = 10.0  # s; a longer one waits in a queue, or is lost
_PROBE_WAIT: Final = 1.0  # s; a guess at when the running probe will be done


@dataclass(frozen=True, slots=True, kw_only=True)
class CircuitRules:
    """When a circuit opens, for how long, and what closes it."""

    window: float  # s looked back on; inf: all calls since the last success
    min_calls: int  # before the ratio counts; as many failures in a row also open it
    failure_ratio: float  # inf: only failures in a row open it
    open_for: float  # s +/- 20 %; doubles up to `longest`
    longest: float  # s
    probes: int = 3  # successes that close it
    look_every: float = 3.0  # s between calls that pass while it is open; inf: none


class Circuit:
    """The circuit of one peer; moments are monotonic, s."""

    __slots__ = (
        "_calls",
        "_connects",
        "_failures",
        "_hurried",
        "_look_at",
        "_opened",
        "_probed_at",
        "_probing",
        "_row",
        "_row_at",
        "_rules",
        "_slice",
        "_span",
        "_successes",
        "_until",
        "changed_at",
        "reason",
        "state",
    )

    def __init__(self, rules: CircuitRules) -> None:
        """Start closed, with nothing counted."""
        self.state = CLOSED
        self.reason = "nothing has failed yet"  # of the last change, for operators
        self.changed_at: float | None = None
        self._rules = rules
        self._span = rules.window / _SLICES
        self._calls = [0] * _SLICES
        self._failures = [0] * _SLICES
        self._slice = 0
        self._connects = 0  # refused in a row
        self._row = 0  # failed in a row,
        self._row_at = 0.0  # since then
        self._opened = 0  # times since it was last closed
        self._until = 0.0  # s; open so long
        self._look_at = 0.0
        self._probing = False
        self._hurried = False  # whether the probe's caller may give up before
        self._probed_at = 0.0
        self._successes = 0  # of probes

    def open_for(self, now: float) -> float:
        """Return for how many s more it is open; 0.0: a probe may be sent."""
        return max(0.0, self._until - now) if self.state == OPEN else 0.0

    def admit(self, now: float, *, safe: bool = True, hurried: bool = False) -> float:
        """Admit a call: 0.0, or the s until it is worth asking again.

        Args:
            now: s.
            safe: Whether it has no effect; such calls are the first to probe.
            hurried: Whether its caller may give up before there is a verdict; other
                probes do not wait for such a one.
        """
        if self.state == CLOSED:
            return 0.0
        if self.state == OPEN:
            opens_at = self._until if safe else self._until + _SAFE_FIRST
            if now < opens_at:
                looked = self._is_probed(now, hurried=hurried) or now < self._look_at
                if not safe or looked:
                    return opens_at - now
                return self._begin_probe(now, hurried=hurried)
            self._change(HALF_OPEN, now, "it was time to look again")
            self._successes = 0
        if self._is_probed(now, hurried=hurried):
            return _PROBE_WAIT
        return self._begin_probe(now, hurried=hurried)

    def _is_probed(self, now: float, *, hurried: bool) -> bool:
        """Return whether a probe is under way that this call must wait for."""
        if self._hurried and not hurried:
            return False
        return self._probing and now < self._probed_at + _PROBE_LASTS

    def _begin_probe(self, now: float, *, hurried: bool) -> float:
        self._probing, self._probed_at, self._hurried = True, now, hurried
        return 0.0

    def record(self, verdict: str, now: float, random: float) -> None:
        """Count the verdict on a call that was admitted while closed, or on a probe.

        Args:
            verdict: `success`, `failure`, `timeout`, `connect_failure`, `doubtful` (a
                failure that the one call may be to blame for: it opens the circuit
                for no longer than the first time), or anything else for none.
            now: s.
            random: From [0, 1).
        """
        success = verdict == "success"
        if not success and verdict not in _FAILURES:
            self._probing = False  # it ended without a verdict: another one may go
        elif self.state == OPEN and self._probing:
            self._record_look(now, random, success=success)
        elif self.state == HALF_OPEN:
            self._record_probe(verdict, now, random)
        elif self.state == CLOSED:
            self._count(verdict, now, random)

    def _count(self, verdict: str, now: float, random: float) -> None:
        index = self._turn(now)
        self._calls[index] += 1
        if verdict == "success":
            self._connects = self._row = 0
            return
        rules = self._rules
        self._failures[index] += 1
        if not self._row or now - self._row_at > rules.window:
            self._row, self._row_at = 0, now
        # One that hangs holds a slot for as long as others need to fail ten times.
        self._row += _TIMEOUT_COUNTS if verdict == "timeout" else 1
        self._connects = self._connects + 1 if verdict == "connect_failure" else 0
        calls = sum(self._calls)
        failures = sum(self._failures)
        reason = ""
        if self._connects >= _CONNECT_FAILURES:
            reason = f"{self._connects} connections failed in a row"
        elif self._row >= rules.min_calls:
            # A busy peer would have to fail for half a window to reach the ratio.
            reason = "one call after another failed"
        elif calls >= rules.min_calls and failures >= rules.failure_ratio * calls:
            reason = f"{failures} of {calls} calls failed in {rules.window:g} s"
        if reason:
            self._open(verdict, now, random, reason)

    def _record_look(self, now: float, random: float, *, success: bool) -> None:
        """Count the verdict on a call that passed while it is open."""
        self._probing = False
        if success:
            self._change(HALF_OPEN, now, "a look in between was answered")
            self._successes = 1
        else:
            self._look_at = now + self._rules.look_every * _spread(random)

    def _record_probe(self, verdict: str, now: float, random: float) -> None:
        self._probing = False
        if verdict != "success":
            self._open(verdict, now, random, "a probe failed")
            return
        self._successes += 1
        if self._successes >= self._rules.probes:
            self._change(CLOSED, now, f"{self._rules.probes} probes were answered")
            self._opened = 0
            self._forget()

    def _change(self, state: int, now: float, reason: str) -> None:
        self.state, self.changed_at, self.reason = state, now, reason

    def _open(self, verdict: str, now: float, random: float, reason: str) -> None:
        if verdict == "doubtful":
            self._opened = 0
        # 2**n overflows a float long before n gets there.
        span = self._rules.open_for * 2.0 ** min(self._opened, 30)
        self._change(OPEN, now, reason)
        self._until = now + min(self._rules.longest, span) * _spread(random)
        self._look_at = now + self._rules.look_every * _spread(random)
        self._opened += 1
        self._forget()

    def _forget(self) -> None:
        self._calls = [0] * _SLICES
        self._failures = [0] * _SLICES
        self._connects = self._row = 0
        self._probing = False

    def _turn(self, now: float) -> int:
        """Empty the slices that are older than the window; return the present one."""
        current = 0 if self._span == inf else int(now / self._span)
        if current != self._slice:
            for stale in range(max(self._slice, current - _SLICES) + 1, current + 1):
                self._calls[stale % _SLICES] = 0
                self._failures[stale % _SLICES] = 0
            self._slice = current
        return current % _SLICES


def _spread(random: float) -> float:
    return 1 - _SPREAD + 2 * _SPREAD * random
