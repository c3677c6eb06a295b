"""The guard of the secrets' environment, and the log levels of their events."""

import pytest
from structlog.testing import capture_logs

from gateway.app.secrets import guard, log_event
from gateway.core.secret import Secret
from gateway.secrets.ports import SecretSet


def found(client_id: str, secret: str) -> SecretSet:
    return SecretSet(Secret(client_id), Secret(secret), {}, "1")


def test_a_live_credential_is_refused_in_the_sandbox() -> None:
    """The two hosts differ in one word; the money does not."""
    faults = guard("sandbox", found("dinie_ci_live_x", "dinie_cs_live_y"))

    assert len(faults) == 2
    assert "dinie_cs_live_y" not in "".join(faults)


def test_an_unknown_prefix_is_a_warning_that_names_the_field_only() -> None:
    """Dinie may change its prefixes; that alone must not stop a sandbox."""
    with capture_logs() as logs:
        faults = guard("sandbox", found("acme", "dinie_cs_test_y"))

    assert faults == []
    assert logs == [
        {
            "event": "unknown_credential_prefix",
            "fields": ["client_id"],
            "log_level": "warning",
        }
    ]


@pytest.mark.parametrize(
    ("event", "level"),
    [
        pytest.param("secrets_read", "info", id="read"),
        pytest.param("secrets_unavailable", "warning", id="unavailable"),
        pytest.param("secrets_refused", "error", id="refused"),
    ],
)
def test_trouble_with_secrets_is_as_loud_as_it_is(event: str, level: str) -> None:
    """An operator who is woken filters the log by level."""
    with capture_logs() as logs:
        log_event(event, reason="x")

    assert [one["log_level"] for one in logs] == [level]
