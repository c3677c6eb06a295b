"""Signatures as Standard Webhooks has them, and secrets that come and go."""

from datetime import UTC, datetime

import pytest
from standardwebhooks import Webhook

from gateway.simulator.webhooks.signing import Secrets, key_of, sign
from tests.simulator.receiver import SECRET

OTHER = "whsec_" + "b3RoZXIgc2VjcmV0IG9mIDMyIGJ5dGVzIGxvbmcuLi4="


def test_a_signature_is_that_of_the_reference_library() -> None:
    """Every verifier in the field is written against it."""
    moment = datetime.fromtimestamp(1_790_000_000, UTC)
    expected = Webhook(SECRET).sign("evt_1", moment, '{"a":"ã"}')

    body = '{"a":"ã"}'.encode()
    assert sign([key_of(SECRET)], "evt_1", 1_790_000_000, body) == expected


def test_two_keys_sign_side_by_side() -> None:
    """Whoever knows either secret can verify."""
    both = sign([key_of(SECRET), key_of(OTHER)], "evt_1", 1, b"{}").split(" ")

    assert both == [sign([key_of(one)], "evt_1", 1, b"{}") for one in (SECRET, OTHER)]


@pytest.mark.parametrize(
    "secret",
    [
        pytest.param("whsec_", id="empty"),
        pytest.param("whsec_YQ", id="unpadded"),
        pytest.param("whsec_Y!Q=", id="no-base64"),
        pytest.param("YWFh", id="no-prefix"),
    ],
)
def test_a_secret_that_cannot_sign_is_told(secret: str) -> None:
    """Verifiers differ on such ones; none is given out."""
    with pytest.raises(ValueError, match="whsec_"):
        key_of(secret)


def test_a_replaced_secret_signs_until_its_end() -> None:
    """The newest comes first; at the moment of its end the old one is silent."""
    secrets = Secrets()
    secrets.add("we_1", SECRET)
    secrets.add("we_1", OTHER, old_ends=100.0)

    assert secrets.keys("we_1", now=99.9) == [key_of(OTHER), key_of(SECRET)]
    assert secrets.keys("we_1", now=100.0) == [key_of(OTHER)]


def test_a_second_rotation_does_not_make_an_older_secret_live_longer() -> None:
    """What was told of its end holds."""
    secrets = Secrets()
    secrets.add("we_1", SECRET)
    secrets.add("we_1", OTHER, old_ends=100.0)
    secrets.add("we_1", SECRET, old_ends=500.0)

    assert len(secrets.keys("we_1", now=99.0)) == 3
    assert len(secrets.keys("we_1", now=101.0)) == 2


def test_a_forgotten_endpoint_has_no_keys() -> None:
    """Nothing signs for what was deleted."""
    secrets = Secrets()
    secrets.add("we_1", SECRET)
    secrets.forget("we_1")

    assert secrets.keys("we_1", now=0.0) == []
