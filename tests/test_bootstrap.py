"""The secrets of this environment, and how loudly trouble with them is said."""

import pytest
from structlog.testing import capture_logs

from gateway.bootstrap import (
    build_tokens,
    guard,
    say,
    secrets_check,
    show_secrets,
    token_check,
)
from gateway.credentials.source import TokenSource
from gateway.rotation.options import RotationOptions
from gateway.secret import Secret
from gateway.secrets.env import EnvProvider
from gateway.secrets.keeper import SecretKeeper
from gateway.secrets.ports import SecretSet
from gateway.telemetry.metrics import Metrics
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


@pytest.mark.parametrize(
    ("fields", "age", "ends"),
    [
        pytest.param({}, 0.0, 0.0, id="unknown"),
        pytest.param({"client_created_at": "x"}, 0.0, 0.0, id="no-number"),
        pytest.param(
            {"client_created_at": "1789913600"}, 86_400.0, 1_797_689_600.0, id="known"
        ),
        pytest.param(
            {"client_created_at": "1789913600", "client_expires_at": "1790000500"},
            86_400.0,
            1_790_000_500.0,
            id="ends-earlier",
        ),
    ],
)
async def test_the_age_of_the_credential_is_shown(
    fields: dict[str, str], age: float, ends: float
) -> None:
    """Two alerts stand on it; what is unknown must fire neither."""
    clock = FakeClock()
    metrics = Metrics(environment="local")
    environ = {"DINIE_CLIENT_ID": "a", "DINIE_CLIENT_SECRET": "b"}
    environ |= {f"DINIE_SECRET_{k.upper()}": v for k, v in fields.items()}
    keeper = SecretKeeper(
        EnvProvider(environ),
        guard=lambda _: [],
        clock=clock,
        refresh=60.0,
        random=lambda: 0.0,
        on_event=say,
    )
    await keeper.refresh("test")
    tokens, _ = build_tokens(FakeTokenEndpoint(), keeper, clock=clock, metrics=metrics)

    show_secrets(metrics, tokens, keeper, RotationOptions(), unix=clock.unix())

    shown = metrics.render().decode()
    assert f"dinie_gateway_credential_age_seconds {age}\n" in shown
    expiry = float(
        shown.partition("\ndinie_gateway_credential_expiry_timestamp_seconds ")[
            2
        ].partition("\n")[0]
    )
    assert expiry == ends
