"""The headers of a delivery: a subscriber can always verify them."""

from datetime import UTC, datetime
from typing import Any

import pytest
from standardwebhooks import Webhook

from gateway.core.secret import Secret
from gateway.inbox.delivery_headers import delivery_headers, key_of
from gateway.inbox.options import SubscriberOptions
from tests.inbox.scene import BODY, OTHER, SECRET, arrival

NOW = 1_790_000_000.0
PLAIN = SubscriberOptions(name="a", url="http://x", events=("*",))
OWN = SubscriberOptions(name="a", url="http://x", events=("*",), secret="a_secret")
DINIES = {"webhook_secret": Secret(f"{SECRET} {OTHER}")}


def sent(
    subscriber: SubscriberOptions, fields: dict[str, Secret], **values: Any
) -> dict[str, str]:
    made = arrival(**values)
    return dict(delivery_headers(made, subscriber, fields, now=NOW, tolerance=300.0))


@pytest.mark.parametrize("timestamp", ["", "soon", "1789999729", "1789000000"])
@pytest.mark.parametrize("secret", [SECRET, OTHER])
def test_what_is_late_is_signed_anew_as_dinie_signs(
    timestamp: str, secret: str
) -> None:
    """A consumer that verifies refuses what is over 300 s old, or not signed at all."""
    got = sent(PLAIN, DINIES, timestamp=timestamp, signature="v1,old", synthetic=True)

    assert got["webhook-timestamp"] == f"{NOW:.0f}"
    named = {name.lower(): value for name, value in got.items()}
    signed = [one for one in named["webhook-signature"].split() if one != "v1,old"]
    assert len(signed) == 2
    wanted = Webhook(secret).sign("evt_1", _moment(NOW), BODY.decode())
    assert wanted in signed


def test_what_is_recent_keeps_dinies_own_signature() -> None:
    """Nobody else has to be trusted then."""
    got = sent(PLAIN, DINIES, timestamp=f"{NOW - 200:.0f}", signature="v1,dinies")

    assert got["webhook-signature"] == "v1,dinies"
    assert got["webhook-timestamp"] == f"{NOW - 200:.0f}"
    assert "X-Gateway-Synthetic" not in got


def test_an_own_secret_signs_everything() -> None:
    """The subscriber was told to trust this one."""
    fields = DINIES | {"a_secret": Secret(OTHER)}

    got = sent(OWN, fields, timestamp=f"{NOW:.0f}", signature="v1,dinies")

    wanted = Webhook(OTHER).sign("evt_1", _moment(NOW), BODY.decode())
    assert got["webhook-signature"] == wanted


def test_without_any_secret_it_goes_as_it_came() -> None:
    """There is nothing to sign with."""
    got = sent(PLAIN, {}, timestamp="5", signature="v1,dinies")

    assert (got["webhook-timestamp"], got["webhook-signature"]) == ("5", "v1,dinies")


@pytest.mark.parametrize("text", ["", "whsec_", "whsec_%%%"])
def test_a_secret_that_is_no_good_one_is_none(text: str) -> None:
    """Its subscriber waits."""
    assert key_of(OWN, {"a_secret": Secret(text)}) is None
    assert key_of(OWN, {}) is None


def _moment(unix: float) -> datetime:
    return datetime.fromtimestamp(unix, UTC)
