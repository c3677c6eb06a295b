"""RefreshSchedule: when the token endpoint may be asked again."""

from gateway.credentials.policy import Transient
from gateway.credentials.schedule import RefreshSchedule


def test_a_change_drops_the_backoff_and_not_the_endpoint_s_own_wait() -> None:
    """`Retry-After` is the endpoint's word; the backoff is only ours."""
    schedule = RefreshSchedule()
    schedule.failed(Transient("status_4xx", 20.0), now=100.0, random=0.5)
    schedule.failed(Transient("timeout"), now=101.0, random=0.5)

    schedule.reset_backoff()

    assert (schedule.wait(105.0), schedule.cooldown_left(105.0)) == (15.0, 15.0)
    assert schedule.wait(120.0) == 0.0


def test_a_refusal_is_of_one_version_only() -> None:
    """The next version of the secret is tried at once."""
    schedule = RefreshSchedule()
    schedule.refused("1", now=100.0)

    assert schedule.refused_for("1", 130.0) == 30.0
    assert schedule.refused_for("2", 130.0) == schedule.wait(130.0) == 0.0


def test_a_success_forgets_what_failed() -> None:
    """The next failure begins with the shortest backoff again."""
    schedule = RefreshSchedule()
    schedule.refused("1", now=100.0)
    schedule.failed(Transient("status_4xx", 20.0), now=100.0, random=0.5)

    schedule.succeeded()

    assert schedule.wait(100.0) == schedule.refused_for("1", 100.0) == 0.0
    assert (schedule.failures, schedule.has_refusal) == (0, False)
