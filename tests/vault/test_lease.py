"""A Vault token is renewed in time, and replaced when renewals end."""

import pytest

from gateway.vault import lease as leases
from gateway.vault.lease import Lease, Step


def start(duration: float = 900.0, *, renewable: bool = True) -> Lease:
    """Return a lease that begins at 0, with its renewal at exactly two thirds."""
    return leases.start(now=0, duration=duration, renewable=renewable, random=0.5)


@pytest.mark.parametrize(
    ("now", "renewable", "can_login", "step"),
    [
        (0, True, True, "use"),
        (599, True, True, "use"),
        (600, True, True, "renew"),
        (764, True, True, "renew"),
        (765, True, True, "renew"),
        (765, True, False, "renew"),
        (600, False, True, "use"),
        (765, False, True, "login"),
        (2000, False, False, "use"),
    ],
)
def test_what_is_done_when(
    now: float, *, renewable: bool, can_login: bool, step: Step
) -> None:
    """Two thirds for a renewal; the last sixth is for a login, where renewing fails."""
    lease = start(renewable=renewable)
    assert leases.step(lease, now=now, can_login=can_login) == step


def test_replicas_do_not_renew_together() -> None:
    """A thousand sidecars started by one deployment."""
    at = [
        leases.start(now=0, duration=900, renewable=True, random=r).renew_at
        for r in (0, 0.5, 0.999)
    ]
    assert at == pytest.approx([555, 600, 645], abs=0.5)


def test_a_token_without_an_end_needs_nothing() -> None:
    """A root token in a development Vault."""
    lease = start(0)
    assert leases.due(lease, can_login=True) == float("inf")
    assert leases.step(lease, now=1e9, can_login=True) == "use"


def test_a_renewal_that_extends_goes_on() -> None:
    """The usual case: the same lease again, from now on."""
    lease = leases.renewed(start(), now=600, duration=900, random=0.5)
    assert (lease.ends, lease.renew_at) == (1500, 1200)


@pytest.mark.parametrize("granted", [449, 300, 1, 0])
def test_a_renewal_that_grants_too_little_is_the_last(granted: float) -> None:
    """Near the maximum TTL, renewals would come ever faster."""
    lease = leases.renewed(start(), now=600, duration=granted, random=0.5)
    assert not lease.renewable


def test_failed_renewals_wait_longer_but_never_past_the_login() -> None:
    """10 s to 5 min, and the login is not put off by them."""
    lease = start(90_000)
    waits = [
        leases.postponed(lease, now=60_000, failures=n, random=0.999).renew_at - 60_000
        for n in (1, 2, 6, 20)
    ]
    assert waits == pytest.approx([10, 20, 300, 300], rel=0.01)
    late = leases.postponed(lease, now=76_490, failures=20, random=0.999)
    assert late.renew_at == 76_500
    after = leases.postponed(lease, now=80_000, failures=20, random=0.999)
    assert after.renew_at > 80_000


def test_a_renewal_that_was_missed_is_tried_before_a_login() -> None:
    """A login uses up a part of the secret id, and a renewal nothing.

    Between the two of a lease of 2 s lies a third of a second.
    """
    lease = start(2.0)
    failed = leases.postponed(lease, now=1.8, failures=1, random=0.0)

    assert leases.step(lease, now=1.8, can_login=True) == "renew"
    assert leases.step(failed, now=1.8, can_login=True) == "login"


@pytest.mark.parametrize(
    ("refused", "failures", "shortest", "longest"),
    [
        (True, 1, 10, 15),
        (True, 2, 20, 30),
        (True, 5, 160, 240),
        (True, 6, 300, 300),
        (True, 5000, 300, 300),
        (False, 1, 0.05, 1),
        (False, 5000, 0.05, 30),
    ],
)
def test_a_refused_login_waits_for_10_s_to_5_min(
    *, refused: bool, failures: int, shortest: float, longest: float
) -> None:
    """Vault locks a role out for everybody after five refusals."""
    waits = [
        leases.login_wait(failures, refused=refused, random=r) for r in (0, 0.9999999)
    ]
    assert waits == pytest.approx([shortest, longest], rel=1e-5)
