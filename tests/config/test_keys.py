"""The known keys are those of the schema, each with its kind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from gateway.config.keys import is_section, key_of, known_keys
from gateway.config.sources import flatten

CONFIG = Path(__file__).resolve().parents[2] / "config"


def _kinds(value: Any) -> Iterator[str]:
    if isinstance(value, bool):
        yield "flag"
    elif isinstance(value, int | float):
        yield "number"
    elif isinstance(value, list):
        yield "list"
    else:
        yield "text"


def documented(name: str) -> dict[str, Any]:
    """Return the keys and values of one of the project's files."""
    return dict(flatten(yaml.safe_load((CONFIG / f"{name}.yaml").read_text())))


def test_base_yaml_and_the_schema_know_the_same_keys() -> None:
    """The file is the manual: a key that it lacks stays unknown."""
    assert set(known_keys()) - set(documented("base")) == {"upstream.base_url"}
    assert set(documented("base")) - set(known_keys()) == set()


def test_each_documented_value_is_of_its_keys_kind() -> None:
    """The kind decides how a variable's text is read."""
    wrong = {
        key: known_keys()[key]
        for key, value in documented("base").items()
        if value is not None and known_keys()[key] not in _kinds(value)
    }

    assert wrong == {}


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        pytest.param("local", {"upstream.base_url", "secrets.provider"}, id="local"),
        pytest.param(
            "sandbox", {"upstream.base_url", "secrets.vault.path"}, id="sandbox"
        ),
        pytest.param(
            "production", {"upstream.base_url", "secrets.vault.path"}, id="production"
        ),
    ],
)
def test_environments_differ_only_in_where_things_are(
    name: str, keys: set[str]
) -> None:
    """What is tested in the sandbox must be what runs in production."""
    assert set(documented(name)) == keys


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        pytest.param("service", "text", id="text"),
        pytest.param("upstream.ca_file", "text", id="text or nothing"),
        pytest.param("upstream.token_auth", "text", id="one of some words"),
        pytest.param("secrets.vault.kv_version", "number", id="one of some numbers"),
        pytest.param("upstream.pool_size", "number", id="whole number"),
        pytest.param("deadline.total", "number", id="fraction"),
        pytest.param("breaker.enabled", "flag", id="flag"),
        pytest.param("admission.deny", "list", id="list"),
        pytest.param("listen.proxy", "text", id="address"),
    ],
)
def test_a_kind_is_read_off_the_schema(key: str, kind: str) -> None:
    """A list kept by hand would be wrong with the next key."""
    assert known_keys()[key] == kind


def test_the_environment_is_no_key() -> None:
    """It is chosen by DINIE_ENV alone: a file must not switch it."""
    assert [key for key in known_keys() if key.startswith("environment")] == []


@pytest.mark.parametrize(
    ("key", "section"),
    [
        pytest.param("secrets.vault", True, id="section"),
        pytest.param("secrets.vault.path", False, id="key"),
        pytest.param("secrets.va", False, id="part of a word"),
    ],
)
def test_a_section_holds_further_keys(key: str, section: bool) -> None:
    """A value in a section's place needs another sentence than a typo."""
    assert is_section(key) is section


@pytest.mark.parametrize(
    ("location", "key"),
    [
        pytest.param(("deadline", "total"), "deadline.total", id="key"),
        pytest.param(("admission", "deny", 0), "admission.deny", id="item of a list"),
        pytest.param(("deadline",), "deadline", id="section"),
    ],
)
def test_a_place_is_named_by_its_key(location: tuple[Any, ...], key: str) -> None:
    """People set keys; what the validator calls a place means nothing to them."""
    assert key_of(location) == key
