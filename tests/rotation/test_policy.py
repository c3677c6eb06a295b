"""The rotation's arithmetic: what is due when, and how a state is written down."""

import pytest

from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import (
    SETTLE,
    Known,
    Phase,
    State,
    due_at,
    ends_at,
    find,
    plan,
    read,
    wait_until,
    write,
)
from gateway.secret import Secret

DAY = 86_400.0
OPTIONS = RotationOptions()


def state(phase: Phase = "canary", **fields: object) -> State:
    made = State("id1", "creating", 1000.0, 1000.0, "old")
    return made.to(phase, 2000.0, **fields)


def known(last_used: float | None) -> Known:
    return Known(
        "old", "x", active=True, created=0.0, expires=None, last_used=last_used
    )


@pytest.mark.parametrize(
    ("created", "expires", "due"),
    [
        pytest.param(0.0, None, 76 * DAY, id="ninety-days-less-two-weeks"),
        pytest.param(0.0, 30 * DAY, 16 * DAY, id="expires-earlier"),
        pytest.param(0.0, 400 * DAY, 76 * DAY, id="expires-later"),
        pytest.param(None, 30 * DAY, 16 * DAY, id="age-unknown"),
        pytest.param(None, None, None, id="nothing-known"),
    ],
)
def test_a_credential_is_due_before_its_end(
    created: float | None, expires: float | None, due: float | None
) -> None:
    """Two weeks are for whoever has to be asked."""
    assert due_at(created, expires, OPTIONS) == due
    ends = ends_at(created, expires, OPTIONS)
    assert ends == (None if due is None else due + 14 * DAY)


@pytest.mark.parametrize(
    ("made", "old", "until"),
    [
        pytest.param(state("creating"), None, None, id="creating"),
        pytest.param(state("stored"), None, None, id="stored"),
        pytest.param(state("canary"), None, 2600.0, id="canary"),
        pytest.param(state("promoting"), None, None, id="promoting"),
        pytest.param(state("soaking"), None, 2000 + DAY, id="soaking"),
        pytest.param(state("revoking"), known(None), None, id="never-used"),
        pytest.param(state("revoking"), known(500.0), 7700.0, id="used"),
        pytest.param(state("revoking"), None, None, id="gone"),
        pytest.param(state("withdrawing"), None, None, id="was-never-in-force"),
        pytest.param(
            state("withdrawing", promoted=True), None, 2000 + SETTLE, id="was-in-force"
        ),
    ],
)
def test_a_phase_lasts_as_long_as_it_should(
    made: State, old: Known | None, until: float | None
) -> None:
    """Gateways need time to follow, and an old credential time to fall silent."""
    assert wait_until(made, OPTIONS, old) == until


def test_a_state_is_read_as_it_was_written() -> None:
    """Another process, days later, goes on with it."""
    made = state("soaking", new_id="new", old_secret=Secret("hush"), promoted=True)

    assert read(write(made)) == made
    assert "hush" not in repr(made)


def test_what_was_never_written_is_no_state() -> None:
    """The lock alone may lie there."""
    assert read({}) is None
    assert read({"lock_until": Secret("5")}) is None


@pytest.mark.parametrize(
    "fields",
    [
        {"phase": "hush"},
        {"phase": "done", "since": "hush"},
        {"phase": "done", "since": "nan"},
        {"phase": "done", "started": "1e300"},
    ],
)
def test_a_damaged_state_is_said(fields: dict[str, str]) -> None:
    """Guessing could revoke the wrong one; and what is there may be a secret."""
    with pytest.raises(ValueError, match=r"phase|moment") as caught:
        read({"id": Secret("1")} | {k: Secret(v) for k, v in fields.items()})

    assert "hush" not in str(caught.value)


def test_a_credential_is_found_by_its_id() -> None:
    """Names are for people."""
    assert find([known(1.0)], "old") == known(1.0)
    assert find([known(1.0)], "x") is None


def test_the_plan_names_every_step_with_its_date() -> None:
    """What somebody reads before they dare."""
    steps = plan(OPTIONS, now=1000.0)

    assert [at for _, at in steps] == [
        1000.0,
        1000.0,
        1000.0,
        1600.0,
        1600.0 + DAY,
        1600.0 + DAY + 7200,
    ]
    assert "1% of GETs" in steps[2][0]
