"""Replay: a follower gets a copy only of what it would have been given itself."""

import pytest
from aiohttp import web

from gateway.core.clock import Instant
from gateway.core.errors import IdempotencyKeyReused, OutcomeUnknown
from gateway.idempotency.ports import Record
from gateway.idempotency.replay import (
    copied,
    copy_of,
    refuse_another,
    refuse_second_send,
    replay,
    same_authority,
    wanted,
)
from tests.exchanges import change
from tests.idempotency.scene import call


def test_a_copy_shares_nothing_that_the_boundary_changes() -> None:
    """It writes its own headers into each."""
    first = web.Response(status=201, body=b"x", headers={"X-Loan": "ln_1"})
    second = copied(first)
    second.headers["X-Gateway"] = "1"

    assert "X-Gateway" not in first.headers
    assert (second.status, second.body) == (201, b"x")
    assert replay(first).headers["Idempotency-Replayed"] == "true"


def test_a_bearer_of_ones_own_is_shared_with_nobody_else() -> None:
    """Dinie decides what each may see."""
    ours, mine, theirs = call(), call(own_bearer=True), call(own_bearer=True)
    change(mine, control={"authorization": "Bearer a"})
    change(theirs, control={"authorization": "Bearer b"})

    assert same_authority(ours, call())
    assert same_authority(mine, mine)
    assert not same_authority(mine, theirs)
    assert not same_authority(ours, mine)


def test_the_form_of_an_answer_is_chosen_by_accept_headers() -> None:
    """Of whatever spelling."""
    made = call(headers=(("ACCEPT-Encoding", "gzip"), ("X-Other", "1")))

    assert wanted(made) == {("accept-encoding", "gzip")}


def test_an_error_is_copied_with_its_words() -> None:
    """Its traceback holds the leader's frames."""
    copy = copy_of(OutcomeUnknown("lost", retry_after=2.0))

    assert (type(copy), copy.detail, copy.retry_after) == (OutcomeUnknown, "lost", 2.0)
    assert copy.__traceback__ is None


def test_what_cannot_be_repeated_is_not_sent_by_a_follower() -> None:
    """Where the leader has sent it; its answer was too long to be given twice."""
    leader, follower = call(sends=1), call(repeatable=False)

    with pytest.raises(OutcomeUnknown, match="cannot be given twice"):
        refuse_second_send(leader, follower)
    refuse_second_send(call(sends=0), follower)
    refuse_second_send(leader, call())


def test_a_key_belongs_to_the_request_that_came_with_it_first() -> None:
    """Another body under it is a mistake, or another loan."""
    exchange = call(fingerprint=b"mine")

    refuse_another(Record(b"mine", Instant(0.0, 0.0)), exchange)
    refuse_another(None, exchange)
    with pytest.raises(IdempotencyKeyReused):
        refuse_another(Record(b"another", Instant(0.0, 0.0)), exchange)


def test_a_record_without_a_fingerprint_admits_no_request() -> None:
    """An earlier version left such behind on a full disk: any body passed for its own.

    A generated key is no other caller's: its holder settles it from the ledger.
    """
    record = Record(b"", Instant(0.0, 0.0))
    generated = "gw-retry-00000000-0000-4000-8000-000000000000"

    holder = call(fingerprint=b"mine")
    holder.key = generated

    refuse_another(record, holder)
    with pytest.raises(IdempotencyKeyReused, match="does not say for which request"):
        refuse_another(record, call(fingerprint=b"mine"))
