"""JSON as its grammar has it: deep, odd and long, and still read in time."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.inbox.document import parse

SCALARS = st.none() | st.booleans() | st.integers() | st.text()
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_values_are_those_of_the_standard_library(value: Any) -> None:
    """Unpaired surrogates and long integers are written as JSON, too."""
    text = json.dumps(value)

    assert repr(parse(text.encode())) == repr(json.loads(text, parse_int=_integer))


def _integer(text: str) -> int | float:
    small = len(text) <= 18 or -(2**63) <= int(text) < 2**64
    return int(text) if small else float(text)


@given(VALUES)
def test_what_is_nested_too_deeply_is_left_out_and_the_rest_is_there(
    value: Any,
) -> None:
    """The type stands beside it."""
    deep = "[" * 5000 + json.dumps(value) + "]" * 5000
    text = f'{{"a":"]}}\\"","deep":{deep},"b":[{{}},"["]}}'

    found = parse(text.encode())

    assert (found["a"], found["b"]) == (']}"', [{}, "["])
    levels = 0
    inner = found["deep"]
    while inner:
        (inner,) = inner
        levels += 1
    assert 50 < levels < 5000


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 100_000, id="never-closed"),
        pytest.param("[" * 5000 + "]" * 5001, id="closed-once-more"),
        pytest.param("]" + "[" * 5000 + "]" * 4999, id="closed-first"),
        pytest.param("[" * 5000 + '"' + "]" * 5000, id="open-string"),
        pytest.param("[" * 5000 + '\\"' * 100_000, id="many-open-strings"),
        pytest.param("[" * 5000 + "]" * 5000 + "x", id="more-after-it"),
        pytest.param("", id="empty"),
        pytest.param("customer.active", id="word"),
    ],
)
def test_what_is_no_json_is_a_value_error(text: str) -> None:
    """And nothing else, however deep it is."""
    with pytest.raises(ValueError):  # noqa: PT011 - three parsers, one class
        parse(text.encode())


@given(st.binary(max_size=300))
def test_no_bytes_make_it_raise_anything_else(body: bytes) -> None:
    """They were signed; whatever they are, they are kept."""
    try:
        parse(body)
        raised = None
    except Exception as error:  # noqa: BLE001 - which ones is the question
        raised = error

    assert raised is None or isinstance(raised, ValueError)
