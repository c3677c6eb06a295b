"""Every fault is reported at once, at its key, and without its value."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.keys import known_keys
from gateway.config.load import ConfigError, load

CONFIG = Path(__file__).resolve().parents[2] / "config"
SANDBOX = {"DINIE_ENV": "sandbox", "VAULT_ADDR": "https://vault.internal:8200"}


def faults(*overrides: str, **env: str) -> dict[str, str]:
    """Return key and message of each fault over the project's own files."""
    with pytest.raises(ConfigError) as caught:
        load(config_dir=CONFIG, env=env, overrides=overrides)
    return {fault.key: fault.message for fault in caught.value.faults}


def test_all_faults_are_said_at_once_each_with_its_source() -> None:
    """One restart for each fault is one too many."""
    with pytest.raises(ConfigError) as caught:
        load(
            config_dir=CONFIG,
            env=SANDBOX | {"GATEWAY__RETRY__ATEMPTS": "3", "GATEWAY__RETRY__CAP": "x"},
            overrides=[
                "upstream.base_url=http://127.0.0.1/v3",
                "upstream.pool_size=71",
                "deadline.total=99",
                "listen.admin=nowhere",
                "telemetry.log_level=loud",
            ],
        )
    assert str(caught.value).splitlines()[0] == "the configuration has 8 faults:"
    listed = {fault.key: (fault.message, fault.source) for fault in caught.value.faults}
    assert listed["retry.atempts"] == (
        "is no known key; did you mean retry.attempts?",
        "environment variable GATEWAY__RETRY__ATEMPTS",
    )
    assert listed["retry.cap"][0] == "must be a number"
    assert listed["deadline.total"] == ("must not be above deadline.maximum", "--set")
    assert "at least 72" in listed["upstream.pool_size"][0]
    assert listed["listen.admin"][0] == "must be host:port, unix:/path or off"
    assert "telemetry.log_level" in listed
    about_host = [
        f.message for f in caught.value.faults if f.key == "upstream.base_url"
    ]
    assert ["https" in text or "sandbox.api" in text for text in about_host] == [
        True
    ] * 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("deadline.total", "true"),
        ("deadline.total", "0"),
        ("deadline.total", "nan"),
        ("deadline.maximum", "inf"),
        ("upstream.pool_size", "72.5"),
        ("retry.attempts", "false"),
        ("secrets.vault.kv_version", "true"),
        ("secrets.vault.kv_version", "3"),
        ("upstream.accepted_prefixes", '["v3"]'),
        ("upstream.accepted_prefixes", '["/v3/"]'),
        ("upstream.accepted_prefixes", "/v3"),
        ("upstream.base_url", "ftp://127.0.0.1"),
        ("upstream.base_url", "http://"),
        ("upstream.base_url", "http://[::1"),
        ("upstream.base_url", "http://127.0.0.1:port"),
        ("upstream.base_url", "http://127.0.0.1/v3?x=1"),
        ("upstream.base_url", "http://10.0.0.1"),
        ("upstream.base_url", "http://127.0.0.1.evil.example"),
        ("admission.deny", '["auth"]'),
        ("idempotency.namespace", "a b"),
        ("idempotency.header", "none"),
        ("listen.proxy", "127.0.0.1:70000"),
        ("listen.admin", "127.0.0.1:8080"),
        ("secrets.vault.path", "/dinie"),
        ("secrets.vault.path", "dinie/../other"),
        ("secrets.vault.address", "vault:8200"),
        ("secrets.provider", "keychain"),
        ("secrets.file.directory", "1"),
        ("service", "é"),
        ("webhooks.path", "x"),
        ("webhooks.path", "/x?y"),
        ("webhooks.schedule", "[]"),
        ("webhooks.subscribers", "[{}]"),
        ("storage.sqlite_path", ""),
        ("environment", "production"),
        ("deadline", "3"),
    ],
)
def test_a_value_that_cannot_work_is_a_fault_of_its_key(key: str, value: str) -> None:
    """Found at the start, not at the first request."""
    if key == "secrets.file.directory":
        found = faults("secrets.provider=file")
    else:
        found = faults(f"{key}={value}")
    assert set(found) == {key}


@pytest.mark.parametrize("key", ["admission.deny", "deadline.total"])
def test_an_empty_object_is_no_value_of_a_key(key: str) -> None:
    """It took away what the file says, and the default came back without a word."""
    assert set(faults(f"{key}={{}}")) == {key}


@pytest.mark.parametrize("value", ["", "0", "[]", "false"])
def test_a_section_takes_no_value_that_is_not_true_either(value: str) -> None:
    """Only nothing, and an object, are what a section can be."""
    assert faults(f"retry={value}") == {"retry": "is a section, not a key"}


def test_https_is_asked_for_outside_local() -> None:
    """Also when the scheme is written in capitals."""
    found = faults("upstream.base_url=HTTP://sandbox.api.dinie.com.br/v3", **SANDBOX)
    assert found == {"upstream.base_url": "must be https outside local"}


def test_approle_needs_its_files_only_with_vault() -> None:
    """Files instead of Vault must not need half of a Vault."""
    setting = "secrets.vault.auth.method=approle"
    assert set(faults(setting, **SANDBOX)) == {
        "secrets.vault.auth.role_id_file",
        "secrets.vault.auth.secret_id_file",
    }
    load(config_dir=CONFIG, env={}, overrides=[setting])


SECRETS = st.text("abcdefXYZ0123456789", min_size=12, max_size=24).map(
    "dinie_cs_live_".__add__
)


@given(secret=SECRETS, key=st.sampled_from(sorted(known_keys())))
def test_a_secret_in_the_wrong_place_is_never_repeated(secret: str, key: str) -> None:
    """Secrets get pasted there by mistake, and the fault goes to a log."""
    places: list[tuple[dict[str, str], list[str]]] = [
        ({}, [secret]),
        ({}, [f"{secret}=1"]),
        ({}, [f"upstream.base_url=https://{secret}:{secret}@127.0.0.1"]),
        ({}, [f"secrets.vault.address=https://x:{secret}@127.0.0.1"]),
        ({"DINIE_CLIENT_SECRET": secret, "GATEWAY__CLIENT_SECRET": secret}, []),
    ]
    if known_keys()[key] != "text":
        places.append(({}, [f"{key}={secret}"]))
    for env, overrides in places:
        with pytest.raises(ConfigError) as caught:
            load(config_dir=CONFIG, env=env, overrides=overrides)
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value)
