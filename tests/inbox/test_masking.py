"""Masking: an operator sees an event's shape, and no personal data."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.secret import MASK
from gateway.inbox.masking import entity, masked

X = "[redacted]"


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        pytest.param(
            {
                "id": "evt_1",
                "type": "customer.created",
                "timestamp": "2026-03-04T14:00:00Z",
                "created_at": 1775253600,
                "data": {
                    "id": "cust_550e8400e29b41d4a716446655440000",
                    "name": "Ana",
                    "cpf": "123.456.789-09",
                    "email": "ana@example.com",
                    "status": "pending_kyc",
                    "cnpj": None,
                    "kyc": [{"type": "cnh", "message": "Ana, send it again"}],
                },
            },
            {
                "id": "evt_1",
                "type": "customer.created",
                "timestamp": "2026-03-04T14:00:00Z",
                "created_at": 1775253600,
                "data": {
                    "id": "cust_550e8400e29b41d4a716446655440000",
                    "name": X,
                    "cpf": X,
                    "email": X,
                    "status": "pending_kyc",
                    "cnpj": None,
                    "kyc": [{"type": "cnh", "message": X}],
                },
            },
            id="customer",
        ),
        pytest.param({"unheard_of": "Ana"}, {"unheard_of": X}, id="unheard-of"),
        pytest.param({"123.456.789-09": {"a": 1}}, {X: {"a": X}}, id="keyed-by-cpf"),
        pytest.param({"id": "123.456.789-09"}, {"id": X}, id="id-is-a-cpf"),
        pytest.param({"id": 12345678909}, {"id": X}, id="id-is-a-number"),
        pytest.param({"type": "Ana Maria"}, {"type": X}, id="type-is-a-name"),
        pytest.param({"status": ["Ana"]}, {"status": [X]}, id="status-is-a-list"),
        pytest.param({"approved_amount": 875.5}, {"approved_amount": X}, id="money"),
        pytest.param({"ok": True}, {"ok": True}, id="flag"),
    ],
)
def test_only_what_is_harmless_is_shown(event: Any, shown: Any) -> None:
    """By name and by shape, both."""
    assert masked(orjson.dumps(event)) == shown


def test_what_is_no_json_is_only_measured() -> None:
    """It may be anything."""
    assert masked(b"Ana: 123") == "8 bytes that are no JSON"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(max_size=12), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON, st.sampled_from(["name", "email", "phone", "cpf", "signing_url", "x"]))
def test_a_secret_text_never_comes_through(event: Any, key: str) -> None:
    """Wherever it stands."""
    body = orjson.dumps({"data": [event, {key: "ana@example.com"}]})

    assert "ana@example.com" not in str(masked(body))


@pytest.mark.parametrize(
    ("event", "shown"),
    [
        ({"id": "1133334444"}, {"id": MASK}),
        ({"id": "12ABC34501DE35"}, {"id": MASK}),
        ({"id": "cust_12345678909"}, {"id": MASK}),
        ({"id": "cust_550e8400e29b"}, {"id": "cust_550e8400e29b"}),
        ({"status": "Maria"}, {"status": MASK}),
        ({"type": "Joao.Silva"}, {"type": MASK}),
        ({"status": "pending_kyc"}, {"status": "pending_kyc"}),
    ],
)
def test_ids_and_words_have_a_form(event: Any, shown: Any) -> None:
    """A phone or a name must not come through as an id or a status."""
    assert masked(orjson.dumps(event)) == shown
    if "id" in event:
        assert entity(event["id"]) == shown["id"]


def test_a_body_may_be_as_deep_as_it_likes() -> None:
    """It is shown down to where it makes sense."""
    body = b'{"a":' * 500 + b"1" + b"}" * 500

    assert MASK in str(masked(body))
