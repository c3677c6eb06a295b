"""Rules: settings that do not fit together are found, and only those."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from gateway.config.keys import known_keys
from gateway.config.load import ConfigError, load
from gateway.config.rules import RULES

CONFIG = Path(__file__).resolve().parents[2] / "config"
SANDBOX = {"DINIE_ENV": "sandbox", "VAULT_ADDR": "https://vault.internal:8200"}
PRODUCTION = SANDBOX | {"DINIE_ENV": "production"}
SANDBOX_HOST = "upstream.base_url=https://sandbox.api.dinie.com.br/v3"
LIVE_HOST = "upstream.base_url=https://api.dinie.com.br/v3"


def faulty(overrides: Sequence[str], env: dict[str, str]) -> list[str]:
    """Return the keys of the faults; none: the configuration loads."""
    try:
        load(config_dir=CONFIG, env=env, overrides=overrides)
    except ConfigError as error:
        return [fault.key for fault in error.faults]
    return []


@pytest.mark.parametrize(
    ("overrides", "keys"),
    [
        pytest.param(["deadline.total=55"], [], id="total as long as maximum"),
        pytest.param(
            ["deadline.total=55.1"], ["deadline.total"], id="total above maximum"
        ),
        pytest.param(
            ["deadline.maximum=20"], ["deadline.total"], id="maximum below total"
        ),
        pytest.param(["upstream.pool_size=72"], [], id="pool just large enough"),
        pytest.param(
            ["upstream.pool_size=71"], ["upstream.pool_size"], id="pool too small"
        ),
        pytest.param(
            ["admission.max_in_flight=93"],
            ["upstream.pool_size"],
            id="too many at once",
        ),
        pytest.param(
            ["listen.admin=127.0.0.1:8080"], ["listen.admin"], id="one port for both"
        ),
        pytest.param(
            ["listen.admin=off", "listen.proxy=off"], [], id="nothing twice is fine"
        ),
        pytest.param(
            ["listen.admin=127.0.0.1:0", "listen.proxy=127.0.0.1:0"],
            [],
            id="any free port twice is fine",
        ),
        pytest.param(
            ["secrets.provider=file"],
            ["secrets.file.directory"],
            id="file needs folder",
        ),
        pytest.param(
            ["secrets.provider=vault"],
            ["secrets.vault.address"],
            id="vault needs address",
        ),
    ],
)
def test_a_rule_holds_exactly_at_its_edge(
    overrides: Sequence[str], keys: list[str]
) -> None:
    """A rule that is off by one refuses what worked, or lets a hang through."""
    assert faulty(overrides, {}) == keys


@pytest.mark.parametrize(
    ("env", "overrides", "keys"),
    [
        pytest.param(SANDBOX, [], [], id="sandbox as shipped"),
        pytest.param(PRODUCTION, [], [], id="production as shipped"),
        pytest.param({}, [SANDBOX_HOST], ["upstream.base_url"], id="local, test host"),
        pytest.param({}, [LIVE_HOST], ["upstream.base_url"], id="local, live host"),
        pytest.param(SANDBOX, [LIVE_HOST], ["upstream.base_url"], id="sandbox, live"),
        pytest.param(
            PRODUCTION, [SANDBOX_HOST], ["upstream.base_url"], id="production, test"
        ),
        pytest.param(
            SANDBOX,
            ["secrets.vault.path=dinie/production"],
            ["secrets.vault.path"],
            id="sandbox, live secret",
        ),
        pytest.param(
            PRODUCTION,
            ["secrets.vault.path=dinie/sandbox"],
            ["secrets.vault.path"],
            id="production, test secret",
        ),
        pytest.param(
            PRODUCTION,
            [SANDBOX_HOST, "secrets.vault.path=dinie/sandbox"],
            ["upstream.base_url", "secrets.vault.path"],
            id="both said at once",
        ),
        pytest.param(
            SANDBOX,
            ["secrets.provider=env", "secrets.vault.path=dinie/production"],
            [],
            id="a path that is not read",
        ),
    ],
)
def test_environment_host_and_vault_path_agree(
    env: dict[str, str], overrides: Sequence[str], keys: list[str]
) -> None:
    """With one wrong setting test calls would create real loans."""
    assert faulty(overrides, env) == keys


def test_a_rule_is_silent_where_one_of_its_keys_is_at_fault_by_itself() -> None:
    """One mistake is one line: the second would be about a default value."""
    found = faulty(["deadline.maximum=soon", "deadline.total=99"], {})

    assert found == ["deadline.maximum"]


@pytest.mark.parametrize(
    "keys", [pytest.param(keys, id=" ".join(keys)) for keys, _ in RULES]
)
def test_a_rule_names_keys_that_there_are(keys: tuple[str, ...]) -> None:
    """A renamed key would leave its rule blind."""
    assert set(keys) <= set(known_keys())
