"""When is a Vault token renewed, and when is it asked for anew? Pure."""

from dataclasses import dataclass
from typing import Final

RENEW_AT: Final = 2 / 3  # of the lease,
SPREAD: Final = 0.1  # less up to this share of it, so that replicas differ
LAST_SHARE: Final = 0.15  # of the first lease; with less left, log in anew


@dataclass(frozen=True, slots=True)
class Lease:
    """A login's token and how long it is good. Moments are monotonic."""

    granted_at: float
    duration: float  # s; 0: it does not end
    renewable: bool
    first_duration: float  # s, of the login itself

    @property
    def ends_at(self) -> float:
        """Return when the token ends."""
        return float("inf") if self.duration == 0 else self.granted_at + self.duration


def next_step(lease: Lease | None, *, now: float, random: float) -> str:
    """Return `login`, `renew` or `use`.

    A renewal that no longer extends the lease (Vault caps it at the maximum TTL) shows
    as a duration below `LAST_SHARE` of the first one: then only a login helps.
    """
    if lease is None or now >= lease.ends_at:
        return "login"
    if lease.duration == 0:
        return "use"
    if lease.ends_at - now < LAST_SHARE * lease.first_duration:
        return "login"
    due = lease.granted_at + lease.duration * (RENEW_AT - SPREAD * random)
    if now < due:
        return "use"
    return "renew" if lease.renewable else "use"
