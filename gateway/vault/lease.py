"""The lease of a Vault token: when to renew it, and when to log in again. Pure.

Each renewal extends the lease, until near the maximum TTL of the role Vault grants less
and less. Callers pass `now` (s, monotonic).
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from gateway.core.backoff import full_jitter

RENEW_AT: Final = 2 / 3  # of the lease
SPREAD: Final = 0.05  # of the lease; renewals of replicas drift apart
LOGIN_AT: Final = 0.85  # of the lease; what was not renewed by then is replaced
WORTHWHILE: Final = 0.5  # of the first lease; after a shorter one no more renewals
RETRY_BASE: Final = 10.0  # s
RETRY_CAP: Final = 300.0  # s
_AWAY_BASE: Final = 1.0  # s; after a login that Vault did not judge
_AWAY_CAP: Final = 30.0  # s
_SPREAD_OF_REFUSED: Final = 0.5  # of the backoff, on top

Step = Literal["use", "renew", "login"]


@dataclass(frozen=True, slots=True)
class Lease:
    """The life of a token.

    `duration` 0 means without an end, or with one that is not known.
    """

    granted: float  # s, monotonic; when
    duration: float  # s
    renewable: bool
    first: float  # s; the duration at login
    renew_at: float  # s, monotonic
    failed: bool = False  # whether a renewal of it failed

    @property
    def ends(self) -> float:
        """Return when the token expires, s monotonic."""
        return self.granted + self.duration if self.duration else float("inf")


def start(*, now: float, duration: float, renewable: bool, random: float) -> Lease:
    """Return the lease after a login.

    Args:
        now: s, monotonic.
        duration: s.
        renewable: Whether Vault renews it.
        random: From [0, 1); spreads renewals.
    """
    return _lease(now, duration, duration, renewable=renewable, random=random)


def renewed(lease: Lease, *, now: float, duration: float, random: float) -> Lease:
    """Return the lease after a renewal.

    Args:
        lease: The one before.
        now: s, monotonic.
        duration: s, from now on.
        random: From [0, 1).
    """
    extends = duration >= lease.first * WORTHWHILE and now + duration > lease.ends
    return _lease(now, duration, lease.first, renewable=extends, random=random)


def postponed(lease: Lease, *, now: float, failures: int, random: float) -> Lease:
    """Return the lease after a failed renewal, with the moment of the next.

    Args:
        lease: The one that could not be renewed.
        now: s, monotonic.
        failures: In a row, this one included.
        random: From [0, 1).
    """
    wait = full_jitter(
        max(0, failures - 1), base=RETRY_BASE, cap=RETRY_CAP, random=random
    )
    at, login_at = now + wait, _login_at(lease)
    at = min(at, login_at) if login_at > now else at
    return replace(lease, renew_at=at, renewable=True, failed=True)


def not_renewable(lease: Lease) -> Lease:
    """Return the lease of a token that Vault will not renew."""
    return replace(lease, renew_at=float("inf"), renewable=False)


def step(lease: Lease, *, now: float, can_login: bool) -> Step:
    """Return what to do before the token is used.

    A renewal that is overdue goes before a login: it uses up no secret id, and short
    leases leave less than a second between the two.

    Args:
        lease: Of the token.
        now: s, monotonic.
        can_login: Whether a login can bring another token.
    """
    late = can_login and now >= _login_at(lease)
    if lease.renewable and now >= lease.renew_at and not (late and lease.failed):
        return "renew"
    return "login" if late else "use"


def due(lease: Lease, *, can_login: bool) -> float:
    """Return when `step` next returns something else than "use", s monotonic."""
    login_at = _login_at(lease) if can_login else float("inf")
    return min(lease.renew_at, login_at) if lease.renewable else login_at


def login_wait(failures: int, *, refused: bool, random: float) -> float:
    """Return the wait after failed logins, s.

    Vault locks a role for all its users after a few refusals, so that logins after one
    are at least 10 s apart. A login that Vault could not judge is repeated sooner.

    Args:
        failures: In a row, from 1.
        refused: Whether Vault refused the last one.
        random: From [0, 1).
    """
    if not refused:
        return full_jitter(failures - 1, base=_AWAY_BASE, cap=_AWAY_CAP, random=random)
    backoff = RETRY_BASE * 2.0 ** min(failures - 1, 60)
    return min(RETRY_CAP, backoff * (1 + _SPREAD_OF_REFUSED * random))


def _login_at(lease: Lease) -> float:
    if not lease.duration:
        return float("inf")
    return lease.granted + lease.duration * LOGIN_AT


def _lease(
    now: float, duration: float, first: float, *, renewable: bool, random: float
) -> Lease:
    duration = max(0.0, duration)
    at = float("inf")
    if duration:
        at = now + duration * (RENEW_AT + SPREAD * (2 * random - 1))
    return Lease(now, duration, renewable and duration > 0, first, at)
