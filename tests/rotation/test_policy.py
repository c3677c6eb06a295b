"""rotation.policy: what is due when, and how a state is stored."""

import dataclasses

import pytest

from gateway.core.secret import Secret
from gateway.core.timestamps import LAST
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import (
    BUSY,
    SETTLE,
    ListedCredential,
    Phase,
    State,
    describe,
    due_at,
    ends_at,
    find,
    is_forgotten,
    moment,
    plan,
    read,
    settle,
    wait_until,
    write,
)

DAY = 86_400.0
OPTIONS = RotationOptions()


def state(phase: Phase = "canary", **fields: object) -> State:
    made = State("id1", "creating", 1000.0, 1000.0, "old")
    return made.to(phase, 2000.0, **fields)


def known(last_used: float | None) -> ListedCredential:
    return ListedCredential(
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
    """Two weeks leave time to ask the people in charge."""
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
    made: State, old: ListedCredential | None, until: float | None
) -> None:
    """Gateways need time to follow, and an old credential time to fall silent."""
    assert wait_until(made, OPTIONS, old) == until


def test_a_state_is_read_as_it_was_written() -> None:
    """Another process, days later, goes on with it."""
    made = state("soaking", new_id="new", old_secret=Secret("hush"), promoted=True)

    assert read(write(made)) == made
    assert "hush" not in repr(made)


FULL = State(
    id="id1",
    phase="soaking",
    started=1000.0,
    since=2000.0,
    old_id="old",
    new_id="new",
    old_secret=Secret("a"),
    old_created=Secret("b"),
    old_expires=Secret("c"),
    new_secret=Secret("d"),
    new_created=Secret("e"),
    new_expires=Secret("f"),
    promoted=True,
)


def test_every_field_has_its_name() -> None:
    """A newer version reads what an older one wrote: the names are a contract."""
    assert {name: value.reveal() for name, value in write(FULL).items()} == {
        "id": "id1",
        "phase": "soaking",
        "started": "1000",
        "since": "2000",
        "old_client_id": "old",
        "new_client_id": "new",
        "old_client_secret": "a",
        "old_client_created_at": "b",
        "old_client_expires_at": "c",
        "new_client_secret": "d",
        "new_client_created_at": "e",
        "new_client_expires_at": "f",
        "promoted": "yes",
    }
    assert read(write(FULL)) == FULL


def test_what_is_not_promoted_is_written_so() -> None:
    """A rotation that is given up puts the old credential back only if it must."""
    made = dataclasses.replace(FULL, promoted=False)

    assert write(made)["promoted"].reveal() == "no"
    assert read(write(made)) == made


def test_what_an_older_version_did_not_write_is_empty() -> None:
    """Fields came with time."""
    fields = {
        name: Secret(text)
        for name, text in {
            "id": "id1",
            "phase": "creating",
            "started": "0",
            "since": "0",
            "old_client_id": "old",
        }.items()
    }

    assert read(fields) == State("id1", "creating", 0.0, 0.0, "old")


@pytest.mark.parametrize(
    ("text", "read_as"), [("0", 0.0), ("0.5", 0.5), ("", 0.0), (None, 0.0)]
)
def test_a_moment_is_read(text: str | None, read_as: float) -> None:
    """The epoch itself stands for "never"."""
    fields = {} if text is None else {"since": text}

    assert moment(fields, "since") == read_as


@pytest.mark.parametrize("text", ["-1", "hush", "nan", "inf", str(LAST)])
def test_what_is_no_moment_is_refused(text: str) -> None:
    """A date in a year of five digits cannot be shown, nor waited for."""
    with pytest.raises(ValueError, match="since is no moment"):
        moment({"since": text}, "since")


@pytest.mark.parametrize(
    ("refresh", "follow"), [(30.0, SETTLE), (60.0, 150.0), (100.0, 250.0)]
)
def test_gateways_have_two_reads_and_a_half_to_follow(
    refresh: float, follow: float
) -> None:
    """One read may fail; a rare reader needs longer than the usual two minutes."""
    assert settle(refresh) == follow


def test_what_was_never_written_is_no_state() -> None:
    """The lock alone may lie there."""
    assert read({}) is None
    assert read({"lock_until": Secret("5")}) is None


WHOLE = {name: value.reveal() for name, value in write(state(new_id="new")).items()}


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"phase": "hush"}, "the phase is unknown"),
        ({"phase": ""}, "the phase is unknown"),
        ({"since": "hush"}, "since is no moment"),
        ({"since": "nan"}, "since is no moment"),
        ({"started": "1e300"}, "started is no moment"),
        ({"id": ""}, "id is missing"),
        ({"since": ""}, "since is missing"),
        ({"started": ""}, "started is missing"),
        ({"old_client_id": ""}, "old_client_id is missing"),
        *(
            ({"phase": phase, "new_client_id": ""}, "new_client_id is missing")
            for phase in ("stored", "canary", "promoting", "soaking", "revoking")
        ),
        ({"phase": "deleting", "new_client_id": ""}, "new_client_id is missing"),
    ],
)
def test_a_damaged_state_is_said(changed: dict[str, str], says: str) -> None:
    """Guessing could revoke the wrong one; and what is there may be a secret."""
    fields = {name: Secret(text) for name, text in (WHOLE | changed).items()}
    with pytest.raises(ValueError, match=says) as caught:
        read(fields)

    assert "hush" not in str(caught.value)


@pytest.mark.parametrize("phase", ["creating", "restoring", "withdrawing", "aborted"])
def test_a_rotation_without_a_new_credential_is_whole(phase: str) -> None:
    """It was given up before one came."""
    fields = WHOLE | {"phase": phase, "new_client_id": ""}

    read_back = read({name: Secret(text) for name, text in fields.items()})

    assert read_back is not None
    assert read_back.new_id == ""


@pytest.mark.parametrize(
    ("last_used", "forgotten"),
    [
        pytest.param(None, False, id="never"),
        pytest.param(1000.0, False, id="before-the-swap"),
        pytest.param(2000.0 + BUSY, False, id="for-three-days"),
        pytest.param(2001.0 + BUSY, True, id="for-longer"),
    ],
)
def test_who_uses_the_old_one_for_days_has_been_forgotten(
    last_used: float | None, *, forgotten: bool
) -> None:
    """However long it must have been idle: that is another matter."""
    made = state("revoking")

    assert is_forgotten(made, known(last_used)) is forgotten
    assert not is_forgotten(made, None)


def test_at_its_end_a_state_keeps_no_secret() -> None:
    """It stays in Vault for as long as there are rotations."""
    hush = Secret("hush")
    made = state(new_id="new", old_secret=hush, new_secret=hush, new_created=hush)

    written = write(made.ended("aborted", 3000.0))

    assert not [name for name, value in written.items() if value.reveal() == "hush"]
    assert written["phase"].reveal() == "aborted"


def test_how_far_it_is_can_be_told() -> None:
    """For `--status`."""
    assert describe({}) == ("There was no rotation yet.", None)
    said, at = describe(write(state(new_id="new")))
    assert (said, at) == ("Rotation id1 is at 'canary' since", 2000.0)


def test_a_credential_is_found_by_its_id() -> None:
    """Names are for people."""
    assert find([known(1.0)], "old") == known(1.0)
    assert find([known(1.0)], "x") is None


def test_the_plan_names_every_step_with_its_date() -> None:
    """What an operator reads before they dare."""
    steps = plan(OPTIONS, now=1000.0)

    assert [at for _, at in steps] == [
        1000.0,
        1000.0,
        1000.0,
        1600.0,
        1600.0 + DAY,
        1600.0 + DAY + 7200,
    ]
    assert [said for said, _ in steps] == [
        "create a credential at Dinie and store it as next_client_id",
        "prove it: get a token with it, GET /banks",
        "send 1% of GETs with it",
        "make it the credential of all gateways",
        "look whether the old one is idle",
        "revoke the old one",
    ]
