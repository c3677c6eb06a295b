"""Files of settings: read as PyYAML reads them, and no key passes twice."""

import pytest
import yaml

from gateway.config.yaml_file import Repeated, read_yaml


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        pytest.param("a: 1\nb: 2\n", [], id="none"),
        pytest.param("a: 1\na: 2\n", [Repeated("a", 1, 2)], id="top level"),
        pytest.param(
            "retry:\n  cap: 1\n  base: 1\n  cap: 2\n",
            [Repeated("retry.cap", 2, 4)],
            id="in a section",
        ),
        pytest.param(
            "retry: {cap: 1}\nlisten: {}\nretry: {base: 1}\n",
            [Repeated("retry", 1, 3)],
            id="a section in two places",
        ),
        pytest.param(
            "l: [{a: 1}, {b: 1, b: 2}]\n", [Repeated("l[1].b", 1, 1)], id="in a list"
        ),
        pytest.param('1: x\n"1": y\n', [Repeated("1", 1, 2)], id="quoted once"),
        pytest.param(
            "retry.cap: 1\nretry:\n  cap: 2\n",
            [Repeated("retry.cap", 1, 3)],
            id="once with its section in front",
        ),
        pytest.param("a: &x {b: 1}\nc: *x\n", [], id="an alias is one mapping"),
        pytest.param(
            "a: &x {b: 1}\nd: &y {e: 1}\nc: {<<: *x, <<: *y}\n", [], id="two merges"
        ),
        pytest.param("", [], id="nothing"),
    ],
)
def test_each_key_that_stands_twice_is_found(
    text: str, repeated: list[Repeated]
) -> None:
    """PyYAML keeps the last and says nothing: the first was never in force."""
    assert read_yaml(text.encode())[1] == repeated


def test_a_mapping_that_holds_itself_ends() -> None:
    """An alias may name what it stands in."""
    content, repeated = read_yaml(b"a: &x\n  b: *x\n")

    assert (content["a"]["b"] is content["a"], repeated) == (True, [])


@pytest.mark.parametrize("text", [b"a: [", b"a: 1\n---\nb: 2\n"])
def test_what_is_not_one_document_is_an_error(text: bytes) -> None:
    """Half a file must not pass for a whole one."""
    with pytest.raises(yaml.YAMLError):
        read_yaml(text)
