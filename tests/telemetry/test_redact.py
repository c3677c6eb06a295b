"""Redaction: what must never be seen in a log."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.secret import Secret
from gateway.telemetry.redact import is_sensitive, redact, redact_event

MASK = "[redacted]"
NAMES = (
    # What the official SDKs hide.
    ("authorization", "webhook-signature", "x-dinie-client-secret"),
    ("proxy-authorization", "cpf", "cnpj", "account", "cvv", "password", "secret"),
    ("client_secret", "access_token", "phone"),
    # What they forget.
    ("email", "name", "code", "signing_url", "session_url"),
    ("number", "branch", "digit", "trading_name", "bank_account", "account_number"),
    ("cookie", "set-cookie", "token", "x-vault-token", "secret_id", "role_id"),
    ("client_id", "webhook_secret", "next_client_id", "next_client_secret"),
)


@pytest.mark.parametrize("name", [name for row in NAMES for name in row])
def test_a_field_of_the_list_is_hidden_by_its_name(name: str) -> None:
    """A borrower's papers and a partner's keys do not belong in a log."""
    camel = name.title().replace("_", "").replace("-", "")
    for spelling in (name, name.upper(), name.replace("_", "-"), camel):
        assert is_sensitive(spelling)
        assert redact({spelling: "harmless"}) == {spelling: MASK}


@pytest.mark.parametrize("name", ["status", "route", "caller", "key", "attempts"])
def test_a_field_that_helps_is_shown(name: str) -> None:
    """A log with nothing in it helps nobody at three in the morning."""
    assert redact({name: "harmless"}) == {name: "harmless"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param("got dinie_cs_live_a1.b", "got [redacted]", id="client-secret"),
        pytest.param("dinie_at_0123", MASK, id="access-token"),
        pytest.param("see dinie_bsc_test_12 now", "see [redacted] now", id="code"),
        pytest.param("whsec_abc/+=", MASK, id="webhook-secret"),
        pytest.param("gw_0123456789abcdef", MASK, id="local-token"),
        pytest.param("hvs.CAESIJ", MASK, id="vault-token"),
        pytest.param("hvb.AAAA", MASK, id="vault-batch-token"),
        pytest.param("Bearer abc.def", MASK, id="bearer"),
        pytest.param("sent basic dXNlcjpw", "sent [redacted]", id="basic"),
        pytest.param("for ana@example.com.br", "for [redacted]", id="email"),
        pytest.param("cpf=123.456.789-09;", "cpf=[redacted];", id="cpf"),
        pytest.param("cpf 12345678909", "cpf [redacted]", id="cpf-digits"),
        pytest.param("12.345.678/0001-95", MASK, id="cnpj"),
        pytest.param("/x/12345678000195", "/x/[redacted]", id="cnpj-digits"),
        pytest.param("call +5511999999999", "call [redacted]", id="phone"),
        pytest.param("order_12345678909", "order_[redacted]", id="cpf-in-a-key"),
        pytest.param("CPF12345678909", "CPF[redacted]", id="cpf-glued"),
        pytest.param("123456789-09", MASK, id="cpf-half-dotted"),
        pytest.param("?to=ana%40example.com", "?to=[redacted]", id="email-in-a-url"),
        pytest.param("hvr.AAAA", MASK, id="vault-recovery-token"),
        pytest.param("s.AbCdEfGhIjKlMnOpQrStUvWx", MASK, id="old-vault-token"),
        pytest.param("jwt eyJhbGciOi.eyJzdWIi.sig-_", "jwt [redacted]", id="jwt"),
        pytest.param(
            "4856efc8d12345678909a217", "4856efc8d12345678909a217", id="a-digest"
        ),
        pytest.param("dinie_ci_test_1", "dinie_ci_test_1", id="client-id-is-no-secret"),
        pytest.param("took 1234567890 ns", "took 1234567890 ns", id="a-number"),
        pytest.param("/customers/{id}", "/customers/{id}", id="a-template"),
    ],
)
def test_a_text_is_hidden_by_its_shape(text: str, shown: str) -> None:
    """An error message may quote anything."""
    assert redact(text) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        pytest.param(Secret("s3cret"), MASK, id="secret"),
        pytest.param(b"s3cret", MASK, id="bytes"),
        pytest.param(bytearray(b"s3cret"), MASK, id="bytearray"),
        pytest.param(memoryview(b"s3cret"), MASK, id="memoryview"),
        pytest.param(None, None, id="none"),
        pytest.param(True, True, id="flag"),
        pytest.param(1.5, 1.5, id="float"),
        pytest.param(ValueError("ana@example.com"), MASK, id="exception"),
        pytest.param({"a": [{"cpf": 1}]}, {"a": [{"cpf": MASK}]}, id="nested"),
        pytest.param(("a", {"b"}), ["a", ["b"]], id="tuple-and-set"),
        pytest.param({"email": {"x": 1}}, {"email": MASK}, id="whole-branch"),
        pytest.param({"ana@example.com": 1}, {MASK: 1}, id="a-key-itself"),
        pytest.param({1: "a"}, {"1": "a"}, id="number-as-key"),
    ],
)
def test_every_kind_of_value_is_looked_through(value: Any, shown: Any) -> None:
    """A secret hides in lists, keys and exceptions as well."""
    assert redact(value) == shown


def test_a_structure_without_end_is_cut() -> None:
    """A log call cannot take the gateway down."""
    endless: dict[str, Any] = {}
    endless["a"] = endless

    shown = str(redact(endless))

    assert shown.endswith("'[redacted]'" + "}" * 13)


def test_an_event_is_redacted_by_names_and_shapes() -> None:
    """The last processor before the line is written."""
    event = {"event": "sent to ana@example.com", "token": "t", "status": 200}

    shown = redact_event(None, "info", event)

    assert shown == {"event": "sent to [redacted]", "token": MASK, "status": 200}


PLANTED = (
    "dinie_cs_live_Zq7w",
    "dinie_at_Zq7w",
    "whsec_Zq7w",
    "hvs.Zq7w",
    "Bearer Zq7w",
    "zq7w@example.com",
    "123.456.789-09",
    Secret("Zq7w"),
    b"Zq7w",
)
LEAVES = st.sampled_from(PLANTED) | st.text(max_size=5) | st.integers() | st.none()
STRUCTURES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.dictionaries(st.sampled_from(["a", "b", "Zq7w@x.org"]), inner)
        | st.dictionaries(st.just("client_secret"), st.just("plain Zq7w"))
    ),
    max_leaves=12,
)


@given(STRUCTURES)
def test_a_planted_secret_survives_nowhere(structure: Any) -> None:
    """However it is wrapped, it does not reach the log."""
    shown = repr(redact(structure)).lower()

    assert "zq7w" not in shown
    assert "123.456.789-09" not in shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        pytest.param(12345678909, MASK, id="cpf"),
        pytest.param(12345678000195, MASK, id="cnpj"),
        pytest.param(1_790_000_000, 1_790_000_000, id="unix-seconds"),
        pytest.param(1_790_000_000_000, 1_790_000_000_000, id="unix-milliseconds"),
    ],
)
def test_a_number_as_long_as_a_cpf_is_hidden(number: int, shown: object) -> None:
    """JSON bodies may hold a CPF without quotes."""
    assert redact({"x": number}) == {"x": shown}


def test_no_renderer_gets_to_print_a_traceback() -> None:
    """A traceback shows the values that a call failed on."""
    event = {"event": "failed", "exc_info": ValueError("of ana"), "stack_info": "x"}

    assert redact_event(None, "error", event) == {"event": "failed"}


@pytest.mark.parametrize("text", ["a." * 50_000, "a" * 100_000, "1" * 100_000])
def test_a_long_text_is_read_in_bounded_steps(text: str) -> None:
    """Quadratic patterns would hold every request up; the suite's time-out tells."""
    assert redact(text * 5) == text * 5
