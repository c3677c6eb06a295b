"""Loading: the documented order of sources, and every fault reported."""

import dataclasses
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.keys import known_keys
from gateway.config.load import ConfigError, load
from gateway.config.show import show
from gateway.config.sources import flatten

CONFIG = Path(__file__).resolve().parents[2] / "config"
SANDBOX = {"DINIE_ENV": "sandbox", "VAULT_ADDR": "https://vault.internal:8200"}


def folder(
    path: Path, base: str, local: str = "upstream: {base_url: http://localhost}"
) -> Path:
    """Return a folder of configuration files."""
    (path / "base.yaml").write_text(base)
    (path / "local.yaml").write_text(local + "\nsecrets: {provider: env}\n")
    return path


@pytest.mark.parametrize(
    ("layers", "value", "source"),
    [
        ((None, None, None, None), 25.0, "default"),
        (("7", None, None, None), 7.0, "base.yaml"),
        (("7", "8", None, None), 8.0, "local.yaml"),
        (("7", "8", "9", None), 9.0, "environment variable GATEWAY__DEADLINE__TOTAL"),
        (("7", "8", "9", "10"), 10.0, "--set"),
        ((None, None, "9", "10"), 10.0, "--set"),
        (("7", None, None, "10"), 10.0, "--set"),
    ],
)
def test_later_wins(
    tmp_path: Path, layers: tuple[str | None, ...], value: float, source: str
) -> None:
    """The precedence is what an operator relies on at night."""
    base, local, variable, override = layers
    section = "deadline: {{total: {}}}"
    files = folder(
        tmp_path,
        section.format(base) if base else "",
        "upstream: {base_url: http://localhost}\n"
        + (section.format(local) if local else ""),
    )
    loaded = load(
        config_dir=files,
        env={"GATEWAY__DEADLINE__TOTAL": variable} if variable else {},
        overrides=[f"deadline.total={override}"] if override else [],
    )
    assert loaded.config.deadline.total == value
    assert loaded.sources.get("deadline.total", "default").endswith(source)


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("service", "123", "123"),
        ("service", "inf", "inf"),
        ("idempotency.namespace", "true", "true"),
        ("upstream.ca_file", "null", None),
        ("admission.deny", '["/a", "/b"]', ("/a", "/b")),
        ("breaker.enabled", "false", False),
        ("secrets.vault.kv_version", "1", 1),
        ("deadline.total", "2.5", 2.5),
    ],
)
def test_a_text_becomes_what_its_key_takes(key: str, text: str, value: object) -> None:
    """Variables are all text; a service named 123 is not a number."""
    name = "GATEWAY__" + key.upper().replace(".", "__")
    for env, overrides in (({name: text}, []), ({}, [f"{key}={text}"])):
        config: Any = load(config_dir=CONFIG, env=env, overrides=overrides).config
        for part in key.split("."):
            config = getattr(config, part)
        assert config == value


def test_every_key_is_documented_and_every_documented_key_exists() -> None:
    """The file is the manual: base_url alone differs by environment."""
    written = dict(flatten(yaml.safe_load((CONFIG / "base.yaml").read_text())))
    assert set(written) == set(known_keys()) - {"upstream.base_url"}


def test_the_documented_defaults_are_the_real_ones(tmp_path: Path) -> None:
    """A gateway without base.yaml's lines must behave as they say."""
    bare = load(config_dir=folder(tmp_path, ""), env={}).config
    full = load(config_dir=CONFIG, env={}, environment="local").config
    for section in ("deadline", "retry", "ratelimit", "breaker", "admission"):
        assert getattr(bare, section) == getattr(full, section)
    ignored = {"upstream": {"base_url"}}
    assert bare.model_dump(exclude=ignored) == full.model_dump(exclude=ignored)


@pytest.mark.parametrize("environment", ["sandbox", "production"])
def test_the_shipped_environments_load(
    environment: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And differ only in what must differ."""
    monkeypatch.chdir(tmp_path)  # no database of before lies there
    env = SANDBOX | {"DINIE_ENV": environment}
    config = load(config_dir=CONFIG, env=env).config
    assert config.environment == environment
    assert config.secrets.provider == "vault"
    assert config.secrets.vault.path == f"dinie/{environment}"
    assert config.storage.sqlite_path == f"var/gateway-{environment}.db"
    assert config.secrets.vault.address == SANDBOX["VAULT_ADDR"]


def test_the_environment_is_local_unless_said_otherwise() -> None:
    """A laptop without settings must never reach Dinie."""
    loaded = load(config_dir=CONFIG, env={})
    assert loaded.environment == loaded.config.environment == "local"
    assert loaded.config.upstream.base_url == "http://127.0.0.1:9400/v3"


def test_an_unknown_environment_lists_the_choices() -> None:
    """`prod` is not an environment."""
    with pytest.raises(ConfigError, match="one of local, sandbox, production"):
        load(config_dir=CONFIG, env={"DINIE_ENV": "prod"})


def test_the_folder_search_ends_at_what_the_package_brings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every command works from an empty folder; a folder on disk wins."""
    monkeypatch.chdir(tmp_path)
    assert load(env={}).config.deadline.total == 25
    near, named, given = (tmp_path / n for n in ("config", "named", "given"))
    for number, path in enumerate((near, named, given), 1):
        path.mkdir()
        folder(path, f"deadline: {{total: {number}}}")
    assert load(env={}).config.deadline.total == 1
    env = {"GATEWAY_CONFIG_DIR": str(named)}
    assert load(env=env).config.deadline.total == 2
    assert load(env=env, config_dir=given).config.deadline.total == 3


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("- a\n- b\n", "must hold sections"),
        ("just text", "must hold sections"),
        ("a: [1\n", "not YAML"),
        ("a: !!python/object:os.system {}\n", "not YAML"),
        ("a: 2024-13-45\n", "not YAML"),
        ("deadline: &x {total: *x}\n", "nested too deep"),
        ("a: &a {b: *a}\n", "nested too deep"),
    ],
)
def test_a_file_that_is_no_configuration_is_named(
    tmp_path: Path, content: str, says: str
) -> None:
    """With its name, and never as a traceback."""
    with pytest.raises(ConfigError) as caught:
        load(config_dir=folder(tmp_path, content), env={})
    assert says in str(caught.value)
    assert "base.yaml" in str(caught.value)


@pytest.mark.parametrize("content", ["", "# nothing\n", "deadline:\n", "{}\n"])
def test_an_empty_file_or_section_is_fine(tmp_path: Path, content: str) -> None:
    """Commenting everything out means the defaults."""
    loaded = load(config_dir=folder(tmp_path, content), env={})
    assert loaded.config.deadline.total == 25


def test_a_missing_folder_and_an_unreadable_file_are_faults(tmp_path: Path) -> None:
    """A typo in --config-dir must not run on defaults."""
    with pytest.raises(ConfigError, match="the file does not exist"):
        load(config_dir=tmp_path / "nowhere", env={})
    folder(tmp_path, "")
    (tmp_path / "base.yaml").unlink()
    (tmp_path / "base.yaml").mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        load(config_dir=tmp_path, env={})


def test_show_says_each_key_once_with_its_source() -> None:
    """What an operator pastes into a ticket."""
    loaded = load(config_dir=CONFIG, env={}, overrides=["deadline.total=7"])
    lines = show(loaded)
    assert lines[0] == 'environment = "local"  (DINIE_ENV)'
    assert "deadline.total = 7.0  (--set)" in lines
    assert [line.split(" = ")[0] for line in lines[1:]] == list(known_keys())


def test_a_configuration_cannot_be_changed() -> None:
    """Rooms share it: what one changes, another would not notice."""
    config = load(config_dir=CONFIG, env={}).config
    with pytest.raises(ValueError, match="frozen"):
        config.service = "other"  # type: ignore[misc]
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.deadline.total = 1  # type: ignore[misc]


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    ["secrets", "vault", "path", "deadline", "total", "x", ""]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=8,
    )
)
def test_whatever_a_file_holds_is_a_configuration_or_a_fault(content: Any) -> None:
    """A traceback does not help to correct YAML."""
    with tempfile.TemporaryDirectory() as name:
        files = folder(Path(name), yaml.safe_dump(content))
        try:
            read = load(config_dir=files, env={"VAULT_ADDR": "https://vault"})
        except ConfigError as error:
            assert error.faults  # noqa: PT017 - either is right; a traceback is not
        else:
            assert read.config.environment == "local"


def test_an_empty_environment_name_is_a_fault() -> None:
    """A template that was not filled in would start `local` in production."""
    with pytest.raises(ConfigError) as caught:
        load(config_dir=CONFIG, env={"DINIE_ENV": ""})

    assert [fault.key for fault in caught.value.faults] == ["DINIE_ENV"]


@pytest.mark.parametrize(
    ("env", "assumed"), [({}, True), ({"DINIE_ENV": "local"}, False)]
)
def test_an_environment_that_is_only_assumed_is_marked(
    env: dict[str, str], assumed: bool
) -> None:
    """The start line says when `local` is only the default."""
    assert load(config_dir=CONFIG, env=env).assumed is assumed


def test_a_key_that_a_file_has_twice_is_a_fault(tmp_path: Path) -> None:
    """The first would be dropped, whichever of them was meant."""
    folder(tmp_path, "retry:\n  attempts: 2\n  cap: 3\n  attempts: 3\n")

    with pytest.raises(ConfigError) as caught:
        load(config_dir=tmp_path, env={})

    (fault,) = caught.value.faults
    assert (fault.key, fault.message) == (
        "retry.attempts",
        "occurs twice, in lines 2 and 4",
    )


def test_a_key_that_a_variable_has_twice_is_a_fault() -> None:
    """JSON in a variable has the same trap as a file."""
    callers = '[{"name": "a", "name": "b"}]'

    with pytest.raises(ConfigError) as caught:
        load(config_dir=CONFIG, env={"GATEWAY__IDENTITY__CALLERS": callers})

    (fault,) = caught.value.faults
    assert (fault.key, fault.message) == (
        "identity.callers",
        "has a key twice in its JSON",
    )


def test_a_variable_with_one_underscore_is_a_fault() -> None:
    """Ignored, it would leave a default in force that its operator replaced."""
    with pytest.raises(ConfigError) as caught:
        load(config_dir=CONFIG, env={"GATEWAY_RETRY_ATTEMPTS": "1"})

    (fault,) = caught.value.faults
    assert fault.message == "is ignored; did you mean GATEWAY__RETRY__ATTEMPTS?"
