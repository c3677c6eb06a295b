"""Route templates: a closed set of labels for any path."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.core.dinie_routes import ROUTES, template

TEMPLATES = frozenset(
    {
        "/auth/token",
        "/auth/credentials",
        "/auth/credentials/{id}",
        "/customers",
        "/customers/{id}",
        "/customers/{id}/documents",
        "/customers/{id}/kyc-attachments",
        "/customers/{id}/kyc-attachments/selfie",
        "/customers/{id}/kyc-review",
        "/customers/{id}/biometrics",
        "/customers/{id}/bank-account",
        "/customers/{id}/credit-offers",
        "/biometrics/session-exchange",
        "/banks",
        "/credit-offers",
        "/credit-offers/{id}",
        "/credit-offers/{id}/simulations",
        "/loans",
        "/loans/{id}",
        "/loans/{id}/transactions",
        "/webhooks/endpoints",
        "/webhooks/endpoints/{id}",
        "/webhooks/endpoints/{id}/secret/rotate",
        "/webhooks/endpoints/{id}/rotate-secret",
    }
)


@pytest.mark.parametrize("text", sorted(TEMPLATES))
def test_every_operation_of_dinie_has_its_label(text: str) -> None:
    """Dashboards break latency down by operation."""
    assert template(text.replace("{id}", "abc_123")) == text


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("/", id="root"),
        pytest.param("", id="empty"),
        pytest.param("/unknown", id="unknown"),
        pytest.param("/customers/1/unknown", id="unknown-below"),
        pytest.param("/customers/1/documents/2", id="too-deep"),
        pytest.param("/loans/1/transactions/2", id="below-a-list"),
        pytest.param("/auth", id="half-a-path"),
        pytest.param("/auth/unknown", id="unknown-above-an-id"),
        pytest.param("/webhooks/1", id="id-too-early"),
        pytest.param("/webhooks/endpoints/1/secret", id="half-an-operation"),
        pytest.param("/{id}/customers", id="a-template-sent-in"),
        pytest.param("/unknown/customers", id="unknown-above"),
    ],
)
def test_anything_else_is_other(path: str) -> None:
    """A scanner's paths do not fill Prometheus."""
    assert template(path) == "other"


SEGMENTS = st.sampled_from(
    ["customers", "auth", "token", "webhooks", "endpoints", "{id}", "loans", "", "x"]
)


@given(st.lists(SEGMENTS | st.text(max_size=3), max_size=6))
def test_the_labels_are_a_closed_set(segments: list[str]) -> None:
    """Whatever is sent, the number of series is bounded."""
    path = "/" + "/".join(segments)

    assert template(path) in TEMPLATES | {"other"}


def test_what_sets_a_route_apart_is_said_once() -> None:
    """A loan goes first, a photograph may be large, and a used code is not repeated."""
    priority = {one.template for one in ROUTES if one.priority}
    uploads = {one.template for one in ROUTES if one.upload}
    single = {one.template for one in ROUTES if not one.repeatable}

    assert priority == {"/loans", "/auth/credentials", "/webhooks/endpoints"}
    assert uploads == {
        "/customers/{id}/documents",
        "/customers/{id}/kyc-attachments",
        "/customers/{id}/kyc-attachments/selfie",
    }
    assert single == {"/biometrics/session-exchange"}
