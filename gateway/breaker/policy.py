"""May the upstream be asked, or does it fail too often? Pure.

CLOSED counts verdicts in ten slices of the window. Too many failures among enough
calls, enough of them in a row, or five refused connections in a row make it OPEN for a
while that doubles from one time to the next; meanwhile one call without an effect may
look every few seconds. Then HALF_OPEN admits three probes, one at a time: three
successes close it, one failure opens it again.
"""

from gateway.breaker.options import BreakerOptions

CLOSED, HALF_OPEN, OPEN = 0, 1, 2  # as the metric `circuit_state` has them

_SLICES = 10
_CONNECT_FAILURES = 5  # in a row
_TIMEOUT_COUNTS = 2  # failures in a row
_VERDICTS = frozenset({"success", "failure", "timeout", "connect_failure"})
_PROBES = 3
LONGEST = 120.0  # s
_SPREAD = 0.2  # of the time open, either way
_LOOK = 3.0  # s between calls that are let pass while it is open, to see whether
_SAFE_FIRST = 1.0  # s in which only a call without an effect may be the probe
_PROBE_LASTS = 10.0  # s; one that is under way for longer waits in a queue, or is lost
_PROBE_WAIT = 1.0  # s; a guess at when the running probe will be done


def _spread(random: float) -> float:
    return 1 - _SPREAD + 2 * _SPREAD * random


class Breaker:
    """One upstream's circuit; moments are monotonic."""

    __slots__ = (
        "_calls",
        "_connects",
        "_failures",
        "_hurried",
        "_longest",
        "_look_at",
        "_opened",
        "_options",
        "_probed_at",
        "_probing",
        "_row",
        "_row_at",
        "_slice",
        "_span",
        "_successes",
        "_until",
        "changed_at",
        "reason",
        "state",
    )

    def __init__(self, options: BreakerOptions, *, longest: float = LONGEST) -> None:
        self.state = CLOSED
        self.reason = "nothing has failed yet"  # for the last change, for people
        self.changed_at: float | None = None
        self._longest = longest
        self._options = options
        self._span = options.window / _SLICES
        self._calls = [0] * _SLICES
        self._failures = [0] * _SLICES
        self._slice = 0
        self._connects = 0  # refused in a row
        self._row = 0  # failed in a row,
        self._row_at = 0.0  # since then
        self._opened = 0  # times in a row without closing
        self._until = 0.0  # s; open so long
        self._look_at = 0.0
        self._probing = False
        self._hurried = False  # whether the probe's caller may give up before
        self._probed_at = 0.0
        self._successes = 0

    def admit(self, now: float, *, safe: bool = True, hurried: bool = False) -> float:
        """Let a call pass: 0.0, or the s until asking is worth trying.

        Args:
            now: s.
            safe: Whether it has no effect; such ones go first when it is time to look.
            hurried: Whether its caller may give up before there is a verdict; such a
                probe keeps no other waiting.
        """
        if self.state == CLOSED:
            return 0.0
        if self.state == OPEN:
            opens_at = self._until if safe else self._until + _SAFE_FIRST
            if now < opens_at:
                looked = self._is_probed(now, hurried=hurried) or now < self._look_at
                if not safe or looked:
                    return opens_at - now
                return self._let_probe(now, hurried=hurried)
            self._change(HALF_OPEN, now, "it was time to look again")
            self._successes = 0
        if self._is_probed(now, hurried=hurried):
            return _PROBE_WAIT
        return self._let_probe(now, hurried=hurried)

    def _is_probed(self, now: float, *, hurried: bool) -> bool:
        """Return whether a probe is under way that this one must wait for."""
        if self._hurried and not hurried:
            return False
        return self._probing and now < self._probed_at + _PROBE_LASTS

    def _let_probe(self, now: float, *, hurried: bool) -> float:
        self._probing, self._probed_at, self._hurried = True, now, hurried
        return 0.0

    def record(self, verdict: str, now: float, random: float) -> None:
        """Take the verdict on a call that passed while closed, or on the probe.

        Args:
            verdict: `success`, `failure`, `timeout`, `connect_failure`, or anything
                else for none.
            now: s.
            random: From [0, 1).
        """
        if verdict not in _VERDICTS:
            self.cancel_probe()
        elif self.state == OPEN and self._probing:
            self._looked(now, random, success=verdict == "success")
        elif self.state == HALF_OPEN:
            self._probed(now, random, success=verdict == "success")
        elif self.state == CLOSED:
            self._count(verdict, now, random)

    def cancel_probe(self) -> None:
        """Let another probe go: the one that was admitted ended without a verdict."""
        self._probing = False

    def _count(self, verdict: str, now: float, random: float) -> None:
        index = self._turn(now)
        self._calls[index] += 1
        if verdict == "success":
            self._connects = self._row = 0
            return
        self._failures[index] += 1
        if not self._row or now - self._row_at > self._options.window:
            self._row, self._row_at = 0, now
        # One that hangs holds a place for as long as others need to fail ten times.
        self._row += _TIMEOUT_COUNTS if verdict == "timeout" else 1
        self._connects = self._connects + 1 if verdict == "connect_failure" else 0
        calls = sum(self._calls)
        failures = sum(self._failures)
        if self._connects >= _CONNECT_FAILURES:
            self._open(now, random, f"{self._connects} connections failed in a row")
        elif self._row >= self._options.min_calls:
            # A busy upstream would have to fail for half a window to reach the ratio.
            self._open(now, random, "one call after another failed")
        elif (
            calls >= self._options.min_calls
            and failures >= self._options.failure_ratio * calls
        ):
            within = f"{self._options.window:g} s"
            self._open(now, random, f"{failures} of {calls} calls failed in {within}")

    def _looked(self, now: float, random: float, *, success: bool) -> None:
        """Take the verdict on a call that was let pass while it is open."""
        self._probing = False
        if success:
            self._change(HALF_OPEN, now, "a look in between was answered")
            self._successes = 1
        else:
            self._look_at = now + _LOOK * _spread(random)

    def _probed(self, now: float, random: float, *, success: bool) -> None:
        self._probing = False
        if not success:
            self._open(now, random, "a probe failed")
            return
        self._successes += 1
        if self._successes >= _PROBES:
            self._change(CLOSED, now, f"{_PROBES} probes were answered")
            self._opened = 0
            self._forget()

    def _change(self, state: int, now: float, reason: str) -> None:
        self.state, self.changed_at, self.reason = state, now, reason

    def _open(self, now: float, random: float, reason: str) -> None:
        # 2**n overflows a float long before anybody gets there.
        span = self._options.open_for * 2.0 ** min(self._opened, 30)
        span = min(self._longest, span)
        self._change(OPEN, now, reason)
        self._until = now + span * _spread(random)
        self._look_at = now + _LOOK * _spread(random)
        self._opened += 1
        self._forget()

    def _forget(self) -> None:
        self._calls = [0] * _SLICES
        self._failures = [0] * _SLICES
        self._connects = self._row = 0
        self._probing = False

    def _turn(self, now: float) -> int:
        """Empty the slices that are older than the window; return today's."""
        current = int(now / self._span)
        if current != self._slice:
            for stale in range(max(self._slice, current - _SLICES) + 1, current + 1):
                self._calls[stale % _SLICES] = 0
                self._failures[stale % _SLICES] = 0
            self._slice = current
        return current % _SLICES
