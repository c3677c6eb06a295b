"""Schedules token requests after failures. Pure: callers pass `now`."""

from gateway.credentials.policy import REFUSED_GAP, Transient, retry_wait


class RefreshSchedule:
    """Spaces refreshes after failures, refusals and `Retry-After`.

    Moments are monotonic, s.
    """

    def __init__(self) -> None:
        self.failures = 0  # in a row
        self._next_request = 0.0
        self._refused_version: str | None = None
        self._refused_until = 0.0
        self._cooldown_until = 0.0  # by the endpoint's Retry-After

    def succeeded(self) -> None:
        """Forget all failures."""
        self.failures = 0
        self._next_request = self._cooldown_until = 0.0
        self._refused_version = None

    def failed(self, result: Transient, *, now: float, random: float) -> None:
        """Postpone the next request after a failure.

        Args:
            result: Of the request.
            now: s, monotonic.
            random: From [0, 1).
        """
        self.failures += 1
        self._next_request = now + retry_wait(self.failures, random=random)
        if result.retry_after is not None:
            self._cooldown_until = now + result.retry_after

    def refused(self, version: str, *, now: float) -> None:
        """Send a refused credential no more until REFUSED_GAP has passed."""
        self.failures += 1
        self._refused_version = version
        self._refused_until = now + REFUSED_GAP

    def reset_backoff(self) -> None:
        """Drop the backoff, since something changed; a `Retry-After` still binds."""
        self._next_request = 0.0

    @property
    def has_refusal(self) -> bool:
        """Whether the endpoint refused a credential last."""
        return self._refused_version is not None

    def refused_for(self, version: str, now: float) -> float:
        """Return for how many s more a credential is not sent; 0: it may be."""
        if version != self._refused_version:
            return 0.0
        return max(0.0, self._refused_until - now)

    def cooldown_left(self, now: float) -> float:
        """Return the s left of the endpoint's `Retry-After`."""
        return max(0.0, self._cooldown_until - now)

    def wait(self, now: float) -> float:
        """Return for how many s more nothing is sent, whatever the credential."""
        return max(0.0, self._next_request - now, self._cooldown_until - now)
