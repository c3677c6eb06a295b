"""Every field of a response is checked."""

from collections.abc import Callable
from typing import Any

import pytest

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.faults import Call
from gateway.vault.responses import (
    Granted,
    Stamp,
    fields,
    granted,
    mapping,
    seconds,
    stamp,
)

CALL = Call("read", "secret/data/x", "http://vault", 5.0)


def test_a_login_is_read() -> None:
    """Token, life, and whether it can be renewed."""
    auth = {"client_token": "hvs.a", "lease_duration": 60, "renewable": True}

    assert granted(auth, CALL) == Granted(Secret("hvs.a"), 60.0, renewable=True)


def test_texts_are_secrets_and_the_rest_is_left_out() -> None:
    """Other tools keep numbers beside ours; editors leave a line end."""
    data = {"client_id": "a\n", "port": 5, "nested": {}}

    assert fields(data, CALL) == {"client_id": Secret("a")}


def test_a_version_is_its_number_and_its_moment() -> None:
    """Numbers begin again when the metadata is deleted."""
    assert stamp(3, "2026", CALL) == Stamp(3, "2026")


@pytest.mark.parametrize(
    "read",
    [
        pytest.param(lambda: mapping([], CALL), id="list"),
        pytest.param(lambda: seconds(-1, CALL), id="negative"),
        pytest.param(lambda: seconds(True, CALL), id="flag"),
        pytest.param(lambda: seconds("60", CALL), id="text"),
        pytest.param(lambda: granted(None, CALL), id="no-login"),
        pytest.param(lambda: granted({"client_token": ""}, CALL), id="empty-token"),
        pytest.param(lambda: stamp("3", "x", CALL), id="version-is-text"),
        pytest.param(lambda: stamp(True, "x", CALL), id="version-is-flag"),
    ],
)
def test_what_makes_no_sense_is_malformed(read: Callable[[], Any]) -> None:
    """A proxy's page, or another program at the address."""
    with pytest.raises(SecretsUnavailable) as caught:
        read()

    assert caught.value.reason == "malformed"
