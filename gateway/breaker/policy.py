"""May the upstream be asked, or does it fail too often? Pure.

CLOSED counts verdicts in ten slices of the window. Too many failures among enough
calls, or five refused connections in a row, make it OPEN for a while that doubles from
one time to the next. Then HALF_OPEN admits three probes, one at a time: three successes
close it, one failure opens it again.
"""

from gateway.breaker.options import BreakerOptions

CLOSED, HALF_OPEN, OPEN = 0, 1, 2  # as the metric `circuit_state` has them

_SLICES = 10
_CONNECT_FAILURES = 5  # in a row
_PROBES = 3
_LONGEST = 120.0  # s
_SPREAD = 0.2  # of the time open, either way
_PROBE_WAIT = 1.0  # s; a guess at when the running probe will be done


class Breaker:
    """One upstream's circuit; moments are monotonic."""

    __slots__ = (
        "_calls",
        "_connects",
        "_failures",
        "_opened",
        "_options",
        "_probing",
        "_slice",
        "_span",
        "_successes",
        "_until",
        "state",
    )

    def __init__(self, options: BreakerOptions) -> None:
        self.state = CLOSED
        self._options = options
        self._span = options.window / _SLICES
        self._calls = [0] * _SLICES
        self._failures = [0] * _SLICES
        self._slice = 0
        self._connects = 0  # refused in a row
        self._opened = 0  # times in a row without closing
        self._until = 0.0  # s; open so long
        self._probing = False
        self._successes = 0

    def admit(self, now: float) -> float:
        """Let a call pass: 0.0, or the s until asking is worth trying."""
        if self.state == CLOSED:
            return 0.0
        if self.state == OPEN:
            if now < self._until:
                return self._until - now
            self.state, self._successes = HALF_OPEN, 0
        if self._probing:
            return _PROBE_WAIT
        self._probing = True
        return 0.0

    def record(self, verdict: str, now: float, random: float) -> None:
        """Take the verdict on a call that passed while closed, or on the probe.

        Args:
            verdict: `success`, `failure`, `connect_failure`, or anything else for none.
            now: s.
            random: From [0, 1).
        """
        if verdict not in {"success", "failure", "connect_failure"}:
            self.cancel_probe()
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
            self._connects = 0
            return
        self._failures[index] += 1
        self._connects = self._connects + 1 if verdict == "connect_failure" else 0
        calls = sum(self._calls)
        if self._connects >= _CONNECT_FAILURES or (
            calls >= self._options.min_calls
            and sum(self._failures) >= self._options.failure_ratio * calls
        ):
            self._open(now, random)

    def _probed(self, now: float, random: float, *, success: bool) -> None:
        self._probing = False
        if not success:
            self._open(now, random)
            return
        self._successes += 1
        if self._successes >= _PROBES:
            self.state, self._opened = CLOSED, 0
            self._forget()

    def _open(self, now: float, random: float) -> None:
        # 2**n overflows a float long before anybody gets there.
        span = min(_LONGEST, self._options.open_for * 2.0 ** min(self._opened, 30))
        self.state = OPEN
        self._until = now + span * (1 - _SPREAD + 2 * _SPREAD * random)
        self._opened += 1
        self._forget()

    def _forget(self) -> None:
        self._calls = [0] * _SLICES
        self._failures = [0] * _SLICES
        self._connects = 0
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
