"""Settings of several sources: the later one wins, and each keeps its source."""

from pathlib import Path
from typing import Any

import pytest

from gateway.config.load import ConfigError, load
from gateway.config.sources import (
    Fault,
    Settings,
    closest,
    flatten,
    nest,
    read_text,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("3", 3, id="whole number"),
        pytest.param("-3", -3, id="negative"),
        pytest.param(" 2.5 ", 2.5, id="fraction with blanks"),
        pytest.param("true", True, id="yes"),
        pytest.param("false", False, id="no"),
        pytest.param("null", None, id="nothing"),
        pytest.param("[" * 3000, "[" * 3000, id="too deep for JSON"),
        pytest.param('["/a"]', ["/a"], id="list"),
        pytest.param('{"a": 1}', {"a": 1}, id="object"),
        pytest.param('"3"', "3", id="quoted"),
        pytest.param("[1", "[1", id="broken list"),
        pytest.param("yes", "yes", id="word"),
        pytest.param("", "", id="empty"),
        pytest.param("127.0.0.1:80", "127.0.0.1:80", id="address"),
    ],
)
def test_a_text_is_json_where_it_looks_like_it(text: str, value: Any) -> None:
    """Variables are all text; a list in one must arrive as a list."""
    found = read_text(text)

    assert found == value
    assert type(found) is type(value)


def test_a_section_keeps_what_a_later_layer_does_not_name() -> None:
    """One line in the environment's file must not drop the rest of a section."""
    made = Settings()

    made.add("retry", {"attempts": 4, "cap": 8.0}, "base.yaml")
    made.add("retry", {"cap": 2.0}, "local.yaml")

    assert made.values == {"retry.attempts": 4, "retry.cap": 2.0}
    assert made.sources == {"retry.attempts": "base.yaml", "retry.cap": "local.yaml"}


def test_a_section_without_keys_takes_nothing_back(tmp_path: Path) -> None:
    """Where all its lines are comments, the rules of the file before must stay."""
    (tmp_path / "base.yaml").write_text("admission: {deny: [/loans]}\n")
    (tmp_path / "local.yaml").write_text("admission:\n# deny: []\n")
    made = Settings()
    for name in ("base", "local"):
        made.add_file(tmp_path / f"{name}.yaml", label=name)

    assert (made.values, made.faults) == ({"admission.deny": ["/loans"]}, [])


def test_a_section_cannot_be_set_to_nothing_by_a_variable() -> None:
    """It would put every setting of it back to its default, without a word."""
    made = Settings()
    made.add("admission.deny", ["/loans"], "base")
    made.add_environment({"GATEWAY__ADMISSION": "null"})

    assert made.values["admission.deny"] == ["/loans"]
    assert [str(one) for one in made.faults] == [
        "admission: is a section, not a key  (environment variable GATEWAY__ADMISSION)"
    ]


def test_a_list_is_replaced_as_a_whole() -> None:
    """Merged lists could never be made shorter."""
    made = Settings()

    made.add("admission.deny", ["/a", "/b"], "base.yaml")
    made.add("admission.deny", ["/c"], "--set")

    assert made.values["admission.deny"] == ["/c"]


def test_a_key_below_a_value_is_a_fault_with_its_source() -> None:
    """`service.x` looks like a section; silently it would be lost."""
    with pytest.raises(ConfigError) as caught:
        load(env={}, overrides=["service=loans", "service.x=1"])

    assert caught.value.faults == (
        Fault("service.x", "service is not a section", "--set"),
    )


def test_a_value_in_the_place_of_a_section_is_a_fault(tmp_path: Path) -> None:
    """Also where a later source names keys of the section."""
    (tmp_path / "base.yaml").write_text("retry: 5\nsecrets: {provider: env}\n")
    (tmp_path / "local.yaml").write_text(
        "upstream: {base_url: http://localhost}\nretry: {cap: 2}\n"
    )

    with pytest.raises(ConfigError) as caught:
        load(config_dir=tmp_path, env={})

    (fault,) = caught.value.faults
    assert (fault.key, fault.message) == ("retry", "is a section, not a key")
    assert fault.source.endswith("base.yaml")


def test_variables_become_keys_in_lower_case() -> None:
    """Shells want capitals, and two underscores where keys have a dot."""
    made = Settings()

    made.add_environment(
        {
            "GATEWAY__RETRY__BUDGET_FLOOR": "2",
            "GATEWAY__SERVICE": "123",
            "GATEWAY_CONFIG_DIR": "elsewhere",
            "PATH": "x",
        }
    )

    assert made.values == {"retry.budget_floor": 2, "service": "123"}
    assert made.sources == {
        "retry.budget_floor": "environment variable GATEWAY__RETRY__BUDGET_FLOOR",
        "service": "environment variable GATEWAY__SERVICE",
    }


def test_a_value_may_hold_the_equals_sign() -> None:
    """Only the first one ends the key."""
    made = Settings()

    made.add_overrides([" service =a=b"])

    assert made.values == {"service": "a=b"}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("deadline.total", id="no value"),
        pytest.param("=3", id="no key"),
        pytest.param(" =3", id="blank key"),
    ],
)
def test_an_override_without_key_or_value_is_a_fault(text: str) -> None:
    """Ignored, it would look as if it had been set."""
    made = Settings()

    made.add_overrides([text])

    assert made.faults == [Fault("--set", "must be section.key=value", "")]
    assert made.values == {}


@pytest.mark.parametrize(
    ("key", "source"),
    [
        pytest.param("retry.cap", "base.yaml", id="itself"),
        pytest.param("retry", "base.yaml", id="a section by what is in it"),
        pytest.param("admission.deny.0", "--set", id="an item by its list"),
        pytest.param("breaker.window", "default", id="nothing set it"),
    ],
)
def test_the_source_of_a_key_is_the_nearest_that_is_known(
    key: str, source: str
) -> None:
    """A fault without a source sends people through four places."""
    made = Settings()
    made.add("retry.cap", 8, "base.yaml")
    made.add("admission.deny", ["/a"], "--set")

    assert made.source_of(key) == source


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        pytest.param(
            "deadline.totl", "; did you mean deadline.total?", id="letter lost"
        ),
        pytest.param("dedline.total", "; did you mean deadline.total?", id="section"),
        pytest.param("zzz", "", id="nothing like it"),
    ],
)
def test_a_hint_is_given_only_where_one_key_is_like_it(key: str, hint: str) -> None:
    """A wild guess would send people the wrong way."""
    assert closest(key, ["deadline.total", "retry.cap"]) == hint


def test_opening_sections_and_closing_them_are_each_others_reverse() -> None:
    """Faulty keys are taken out in between; the others must survive that."""
    flat = {"service": "x", "retry.cap": 8, "secrets.vault.auth.method": "token"}

    assert dict(flatten(nest(flat))) == flat


def test_broken_yaml_is_named_with_its_line(tmp_path: Path) -> None:
    """The line is what one looks for first; its content may be a secret."""
    file = tmp_path / "base.yaml"
    file.write_text("service: x\nretry: [dinie_cs_live_1\n")
    made = Settings()

    made.add_file(file, label="base.yaml")

    assert made.faults == [Fault("base.yaml", "the file is not YAML in line 3", "")]


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("[a]", id="list"),
        pytest.param("{x: 1}", id="section"),
        pytest.param("3", id="number"),
        pytest.param("false", id="flag"),
    ],
)
def test_a_vault_path_of_another_kind_is_a_fault(tmp_path: Path, value: str) -> None:
    """It is looked at before the schema is: that must be no traceback."""
    (tmp_path / "base.yaml").write_text(f"secrets: {{vault: {{path: {value}}}}}\n")
    (tmp_path / "local.yaml").write_text(
        "upstream: {base_url: http://localhost}\nsecrets: {provider: env}\n"
    )

    with pytest.raises(ConfigError) as caught:
        load(config_dir=tmp_path, env={})

    assert [fault.key.split(".x")[0] for fault in caught.value.faults] == [
        "secrets.vault.path"
    ]
