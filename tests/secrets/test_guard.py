"""Profile, host, Vault path and credential must agree."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.secrets.guard import (
    check_credential,
    check_host,
    check_vault_path,
    unknown_prefixes,
)

SANDBOX_HOST = "https://sandbox.api.dinie.com.br/v3"
LIVE_HOST = "https://api.dinie.com.br/v3"
TEST_ID, LIVE_ID = "dinie_ci_test_x", "dinie_ci_live_x"
TEST, LIVE = "dinie_cs_test_x", "dinie_cs_live_x"


@pytest.mark.parametrize(
    ("environment", "base_url", "agrees"),
    [
        ("local", "http://127.0.0.1:9400/v3", True),
        ("local", "http://127.8.9.1", True),
        ("local", "http://[::1]:80", True),
        ("local", "http://localhost", True),
        ("local", "http://dinie.LOCALHOST", True),
        ("local", "http://127.0.0.1.evil.example", False),
        ("local", "http://localhost.evil.example", False),
        ("local", "http://10.0.0.1", False),
        ("local", "http://0.0.0.0", False),
        ("local", SANDBOX_HOST, False),
        ("local", LIVE_HOST, False),
        ("local", "http://[::1", False),
        ("local", "", False),
        ("sandbox", SANDBOX_HOST, True),
        ("sandbox", "https://SANDBOX.api.dinie.com.br", True),
        ("sandbox", LIVE_HOST, False),
        ("sandbox", "http://127.0.0.1", False),
        ("sandbox", "https://x.sandbox.api.dinie.com.br", False),
        ("production", LIVE_HOST, True),
        ("production", SANDBOX_HOST, False),
        ("production", "http://127.0.0.1", False),
        ("production", "https://api.dinie.com.br.evil.example", False),
        ("production", "https://api.dinie.com.br@evil.example", False),
    ],
)
def test_the_host_is_the_environments_own(
    environment: str, base_url: str, *, agrees: bool
) -> None:
    """A test against production creates real loans."""
    fault = check_host(environment, base_url)
    assert (fault is None) == agrees
    assert fault is None or environment in fault


@pytest.mark.parametrize(
    ("environment", "path", "agrees"),
    [
        ("local", "dinie/local", True),
        ("local", "dinie/sandbox", True),
        ("local", "team/dinie", True),
        ("local", "dinie/production", False),
        ("local", "dinie/prod-east", False),
        ("sandbox", "dinie/sandbox", True),
        ("sandbox", "dinie/test", True),
        ("sandbox", "contest/livestock", True),
        ("sandbox", "dinie/production", False),
        ("sandbox", "DINIE/PROD", False),
        ("sandbox", "live/dinie", False),
        ("sandbox", "dinie/local", False),
        ("production", "dinie/production", True),
        ("production", "live/dinie", True),
        ("production", "dinie/sandbox", False),
        ("production", "dinie/test_1", False),
        ("production", "dinie/local", False),
    ],
)
def test_the_vault_path_is_the_environments_own(
    environment: str, path: str, *, agrees: bool
) -> None:
    """One wrong line in an overlay must not bring the wrong secret."""
    fault = check_vault_path(environment, path)
    assert (fault is None) == agrees
    assert fault is None or (environment in fault and repr(path) in fault)


@pytest.mark.parametrize(
    ("environment", "client_id", "secret", "count"),
    [
        ("local", TEST_ID, TEST, 0),
        ("local", "anything", "at all", 0),
        ("local", LIVE_ID, LIVE, 2),
        ("local", TEST_ID, LIVE, 2),
        ("sandbox", TEST_ID, TEST, 0),
        ("sandbox", "dinie_ci_0a1b-2c", TEST, 0),
        ("sandbox", "anything", "at all", 0),
        ("sandbox", LIVE_ID, LIVE, 2),
        ("sandbox", TEST_ID, LIVE, 2),
        ("production", LIVE_ID, LIVE, 0),
        ("production", "dinie_ci_0a1b-2c", LIVE, 0),
        ("production", TEST_ID, TEST, 2),
        ("production", LIVE_ID, TEST, 2),
        ("production", "anything", "at all", 2),
        ("production", LIVE_ID, "at all", 1),
    ],
)
def test_the_credential_is_the_environments_own(
    environment: str, client_id: str, secret: str, count: int
) -> None:
    """Each pair that disagrees is one fault."""
    assert len(check_credential(environment, client_id, secret)) == count


def test_a_fault_names_the_two_that_disagree() -> None:
    """And not the credential: only its kind."""
    environment, pair = check_credential("sandbox", TEST_ID, LIVE)
    assert environment == (
        "environment sandbox and the credential disagree: "
        "it is a live secret (dinie_cs_live_…)"
    )
    assert pair == (
        "client_id and client_secret disagree: they are "
        "a test client id (dinie_ci_test_…) and a live secret (dinie_cs_live_…)"
    )


def test_an_unknown_prefix_is_only_worth_a_warning_outside_production() -> None:
    """Dinie may change its prefixes; the sandbox shows it first."""
    assert unknown_prefixes("x", "y") == ["client_id", "client_secret"]
    assert unknown_prefixes(TEST_ID, TEST) == []


@given(
    environment=st.sampled_from(["local", "sandbox", "production"]),
    prefix=st.sampled_from(["", "dinie_cs_live_", "dinie_cs_test_"]),
    secret=st.text("XYZ0123456789", min_size=8),
)
def test_no_fault_repeats_the_secret(
    environment: str, prefix: str, secret: str
) -> None:
    """Faults go to logs and to /readyz."""
    said = " ".join(check_credential(environment, prefix + secret, prefix + secret))
    assert secret not in said
