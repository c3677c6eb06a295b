"""When is a Vault token renewed, and when is a new login due? Pure.

A token lives for its lease; renewing extends it until the maximum TTL of its role, from
where on Vault grants less and less. Callers pass `now` (s, monotonic).
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

from gateway.core.backoff import full_jitter

RENEW_AT: Final = 2 / 3  # of the lease
SPREAD: Final = 0.05  # of the lease; renewals of replicas drift apart
LOGIN_AT: Final = 0.85  # of the lease; what was not renewed by then is replaced
WORTHWHILE: Final = 0.5  # of the first lease; a renewal that grants less is the last
RETRY_BASE: Final = 10.0  # s
RETRY_CAP: Final = 300.0  # s
_AWAY_BASE: Final = 1.0  # s; a login that Vault did not judge
_AWAY_CAP: Final = 30.0  # s
_SPREAD_OF_REFUSED: Final = 0.5  # of the backoff, on top

Step = Literal["use", "renew", "login"]


@dataclass(frozen=True, slots=True)
class Lease:
    """How long a token lives.

    `duration` 0 means for ever, or as long as nobody can tell.
    """

    granted: float  # s, monotonic: when
    duration: float  # s
    renewable: bool
    first: float  # s; the duration at login
    renew_at: float  # s, monotonic
    failed: bool = False  # whether a renewal of it failed

    @property
    def ends(self) -> float:
        """Return when the token dies, s monotonic."""
        return self.granted + self.duration if self.duration else float("inf")


def start(*, now: float, duration: float, renewable: bool, random: float) -> Lease:
    """Return the lease of a fresh token; `random` from [0, 1)."""
    return _lease(now, duration, duration, renewable=renewable, random=random)


def renewed(lease: Lease, *, now: float, duration: float, random: float) -> Lease:
    """Return the lease after a renewal that granted `duration` s from now on."""
    extends = duration >= lease.first * WORTHWHILE and now + duration > lease.ends
    return _lease(now, duration, lease.first, renewable=extends, random=random)


def postponed(lease: Lease, *, now: float, failures: int, random: float) -> Lease:
    """Return the lease with the next try after a failed renewal.

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

    A renewal that was not tried in its time is tried before a login: it uses up no
    secret id, and short leases leave less than a second between the two.
    """
    late = can_login and now >= _login_at(lease)
    if lease.renewable and now >= lease.renew_at and not (late and lease.failed):
        return "renew"
    return "login" if late else "use"


def due(lease: Lease, *, can_login: bool) -> float:
    """Return when `step` will say something else than "use", s monotonic."""
    login_at = _login_at(lease) if can_login else float("inf")
    return min(lease.renew_at, login_at) if lease.renewable else login_at


def login_wait(failures: int, *, refused: bool, random: float) -> float:
    """Return the wait after so many failed logins in a row (from 1), s.

    Vault locks a role for everybody after a few refusals, so that these are 10 s apart
    at least. A Vault that could not judge the login is asked again sooner.
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
