"""Moments among the fields of a credential."""

import pytest

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretSet, moment


@pytest.mark.parametrize(
    ("text", "unix"),
    [
        pytest.param("1790000000", 1_790_000_000.0, id="s"),
        pytest.param("1790000000000", 1_790_000_000.0, id="ms"),
        pytest.param("2026-09-21T14:13:20Z", 1_790_000_000.0, id="iso"),
        pytest.param("-1e18", None, id="before-all-time"),
        pytest.param("1e300", None, id="after-all-time"),
        pytest.param("nan", None, id="nan"),
        pytest.param("", None, id="empty"),
    ],
)
def test_a_moment_is_read_in_any_form(text: str, unix: float | None) -> None:
    """Who writes it by hand writes ms, or a date: neither is to be ignored."""
    fields = {"client_expires_at": Secret(text)}
    held = SecretSet(Secret("id"), Secret("secret"), fields, "1")

    assert moment(held, "client_expires_at") == unix
    assert moment(held, "client_created_at") is None
