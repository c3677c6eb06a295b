"""The secrets of this environment, and how loudly trouble with them is said."""

import pytest
from structlog.testing import capture_logs

from gateway.app.builders import (
    guard,
    say,
    secrets_check,
    token_check,
)
from gateway.core.secret import Secret
from gateway.credentials.policy import Transient
from gateway.credentials.token_source import TokenSource
from gateway.secrets.env import EnvProvider
from gateway.secrets.ports import SecretSet
from gateway.secrets.watcher import SecretKeeper
from tests.fakes import (
    FakeClock,
    FakeSecrets,
    FakeTokenEndpoint,
    FakeTokenObserver,
)


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
    """Somebody filters by level at three in the morning."""
    with capture_logs() as logs:
        say(event, reason="x")

    assert [one["log_level"] for one in logs] == [level]


async def test_readiness_says_what_is_missing_and_then_that_it_is_there() -> None:
    """The first look of whoever waits for a rollout."""
    clock = FakeClock()
    keeper = SecretKeeper(
        EnvProvider({"DINIE_CLIENT_ID": "dinie_ci_test_x"}),
        guard=lambda _: [],
        clock=clock,
        refresh=60.0,
        random=lambda: 0.0,
        on_event=say,
    )
    before = secrets_check(keeper)

    await keeper.refresh("test")

    after = secrets_check(keeper)
    assert (before.ok, before.reason) == (False, "no secrets have been read yet")
    assert (after.ok, "client_secret" in after.reason) == (False, True)


async def test_a_token_once_had_keeps_the_gateway_ready() -> None:
    """An outage of the token endpoint must not take every pod out of service."""
    endpoint = FakeTokenEndpoint()
    tokens = TokenSource(
        endpoint,
        FakeSecrets(),
        clock=FakeClock(),
        random=lambda: 0.0,
        observer=FakeTokenObserver(),
    )
    before = token_check(tokens)

    await tokens.step()

    assert (before.ok, token_check(tokens).ok) == (False, True)


async def test_readiness_names_the_token_endpoint_s_retry_after() -> None:
    """Whoever looks why nothing goes on sees whose wait it is, and how long."""
    clock = FakeClock()
    tokens = TokenSource(
        FakeTokenEndpoint(Transient("status_4xx", 20.0)),
        FakeSecrets(),
        clock=clock,
        random=lambda: 0.0,
        observer=FakeTokenObserver(),
    )
    await tokens.step()
    clock.advance(2.0)

    check = token_check(tokens)

    assert not check.ok
    assert "asks to wait 18 s more (Retry-After)" in check.reason
