"""The effective configuration: every key with its source, and nothing secret."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.load import Loaded, load
from gateway.config.show import show

CONFIG = Path(__file__).resolve().parents[2] / "config"
LINE = re.compile(r"(?P<key>[a-z_.]+) = (?P<value>.*)  \((?P<source>[^()]+)\)")


def shown(loaded: Loaded) -> dict[str, tuple[object, str]]:
    """Return value and source of each key, read back from the lines."""
    found = {}
    for line in show(loaded):
        match = LINE.fullmatch(line)
        assert match is not None, line
        found[match["key"]] = (json.loads(match["value"]), match["source"])
    return found


def local(*overrides: str, **env: str) -> Loaded:
    """Return the project's own configuration for a laptop."""
    return load(config_dir=CONFIG, env=env, overrides=overrides)


@pytest.mark.parametrize(
    ("overrides", "key", "expected"),
    [
        pytest.param(["retry.cap=2"], "retry.cap", 2.0, id="number"),
        pytest.param(["breaker.enabled=false"], "breaker.enabled", False, id="flag"),
        pytest.param(["service=loans"], "service", "loans", id="text"),
        pytest.param(["upstream.ca_file=null"], "upstream.ca_file", None, id="nothing"),
        pytest.param(['admission.deny=["/a"]'], "admission.deny", ["/a"], id="list"),
        pytest.param(["listen.admin=off"], "listen.admin", "off", id="off"),
        pytest.param(
            ["listen.proxy=unix:/run/x"], "listen.proxy", "unix:/run/x", id="socket"
        ),
    ],
)
def test_each_value_is_json_that_could_be_set_again(
    overrides: Sequence[str], key: str, expected: object
) -> None:
    """What one gateway shows is pasted into another's settings."""
    found = shown(local(*overrides))

    assert found[key] == (expected, "--set")


@pytest.mark.parametrize(
    ("key", "source"),
    [
        pytest.param("environment", "DINIE_ENV", id="environment"),
        pytest.param("retry.attempts", "config/base.yaml", id="base file"),
        pytest.param("upstream.base_url", "config/local.yaml", id="own file"),
        pytest.param(
            "retry.cap", "environment variable GATEWAY__RETRY__CAP", id="variable"
        ),
        pytest.param(
            "secrets.vault.address", "environment variable VAULT_ADDR", id="vault's own"
        ),
        pytest.param("secrets.vault.path", "DINIE_ENV", id="follows from environment"),
        pytest.param("deadline.total", "--set", id="command line"),
    ],
)
def test_the_source_is_the_layer_that_won(key: str, source: str) -> None:
    """`Where does this value come from?` is asked with an incident running."""
    loaded = local(
        "deadline.total=7",
        GATEWAY__RETRY__CAP="2",
        GATEWAY__DEADLINE__TOTAL="9",
        VAULT_ADDR="https://vault.internal:8200",
    )

    found = shown(loaded)[key][1]

    # The project's files are named by the folder that was given for them.
    assert found.endswith(source)


def test_a_key_that_nothing_sets_shows_its_default(tmp_path: Path) -> None:
    """An old base.yaml lacks the newest keys; they count all the same."""
    (tmp_path / "base.yaml").write_text("")
    (tmp_path / "local.yaml").write_text(
        "upstream: {base_url: http://localhost}\nsecrets: {provider: env}\n"
    )

    found = shown(load(config_dir=tmp_path, env={}))

    assert found["retry.attempts"] == (4, "default")


@given(secret=st.text("abcXYZ0123456789", min_size=12, max_size=24))
def test_no_secret_of_the_environment_is_ever_shown(secret: str) -> None:
    """The output goes into tickets and chat."""
    hidden = f"hush-{secret}"

    lines = show(
        local(
            DINIE_CLIENT_ID=hidden,
            DINIE_CLIENT_SECRET=hidden,
            DINIE_WEBHOOK_SECRET=hidden,
            DINIE_SECRET_NEXT_CLIENT_SECRET=hidden,
            VAULT_TOKEN=hidden,
        )
    )

    assert hidden not in "\n".join(lines)


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        pytest.param(
            "redis://user:hush@cache:1/0", "redis://[redacted]@cache:1/0", id="both"
        ),
        pytest.param(
            "redis://:hush@cache/0", "redis://[redacted]@cache/0", id="no user"
        ),
        pytest.param("redis://u:hu/hush@h", "redis://[redacted]@h", id="slash inside"),
        pytest.param("http://a:hush@[h", "http://[redacted]@[h", id="no URL at all"),
        pytest.param("http://[h", "http://[h", id="nothing to mask"),
        pytest.param("team@host", "team@host", id="no URL"),
    ],
)
def test_the_password_of_a_url_is_masked(url: str, masked: str) -> None:
    """A URL pasted into a text setting brings its password along."""
    lines = show(local(f"service={url}"))

    assert f'service = "{masked}"  (--set)' in lines
    assert "hush" not in "\n".join(lines)
