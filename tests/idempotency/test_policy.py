"""Idempotency keys: which are taken, how they go upstream."""

import hashlib
import re

import pytest

from gateway.core.errors import BadRequest
from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.policy import (
    callers_key,
    generated_key,
    key_upstream,
    upstream_headers,
)


@pytest.mark.parametrize(
    ("control", "key"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"idempotency-key": "order-1"}, "order-1", id="docs"),
        pytest.param({"x-idempotency-key": "order-1"}, "order-1", id="sdk"),
        pytest.param(
            {"idempotency-key": "same", "x-idempotency-key": "same"},
            "same",
            id="both-alike",
        ),
        pytest.param({"idempotency-key": "k"}, "k", id="one-letter"),
        pytest.param({"idempotency-key": "k" * 255}, "k" * 255, id="longest"),
        pytest.param({"idempotency-key": '"q",;!~'}, '"q",;!~', id="punctuation"),
    ],
)
def test_a_key_is_taken_in_either_dialect(
    control: dict[str, str], key: str | None
) -> None:
    """Every official SDK spells the header in its own way."""
    assert callers_key(control) == key


@pytest.mark.parametrize(
    "control",
    [
        pytest.param(
            {"idempotency-key": "a", "x-idempotency-key": "b"}, id="two-that-differ"
        ),
        pytest.param(
            {"idempotency-key": "a", "x-idempotency-key": ""}, id="one-of-two-empty"
        ),
        pytest.param({"idempotency-key": ""}, id="empty"),
        pytest.param({"x-idempotency-key": "k" * 256}, id="too-long"),
        pytest.param({"idempotency-key": "schlüssel"}, id="not-ascii"),
        pytest.param({"idempotency-key": "a b"}, id="space"),
        pytest.param({"idempotency-key": "a\tb"}, id="tab"),
        pytest.param({"idempotency-key": "a\x7f"}, id="delete"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(control: dict[str, str]) -> None:
    """A key guessed or mended by us would protect another call than the caller's."""
    with pytest.raises(BadRequest) as refused:
        callers_key(control)

    assert "key" in refused.value.detail.lower()


@pytest.mark.parametrize(
    ("random", "key"),
    [
        pytest.param(
            bytes(16), "gw-retry-00000000-0000-4000-8000-000000000000", id="zeros"
        ),
        pytest.param(
            b"\xff" * 16, "gw-retry-ffffffff-ffff-4fff-bfff-ffffffffffff", id="ones"
        ),
        pytest.param(
            bytes(range(16)), "gw-retry-00010203-0405-4607-8809-0a0b0c0d0e0f", id="run"
        ),
    ],
)
def test_a_generated_key_is_a_marked_uuid4(random: bytes, key: str) -> None:
    """Dinie's support tells by the prefix who made a key."""
    assert generated_key(random) == key
    assert re.fullmatch(r"gw-retry-[0-9a-f-]{36}", key)


def test_a_key_goes_upstream_unchanged_without_a_namespace() -> None:
    """A service that moves behind the gateway keeps its keys."""
    assert key_upstream(IdempotencyOptions(), "order-1") == "order-1"


@pytest.mark.parametrize(
    ("key", "upstream"),
    [
        pytest.param("order-1", "shop:order-1", id="short"),
        pytest.param("k" * 250, "shop:" + "k" * 250, id="just-fits"),
        pytest.param(
            "k" * 251,
            "shop:" + hashlib.sha256(b"k" * 251).hexdigest(),
            id="hashed-when-too-long",
        ),
    ],
)
def test_a_namespace_keeps_two_services_apart(key: str, upstream: str) -> None:
    """Keys are partner-wide at Dinie: two `order-1` would share one loan."""
    options = IdempotencyOptions(namespace="shop")

    assert key_upstream(options, key) == upstream


def test_a_long_namespace_still_fits() -> None:
    """Dinie's limit holds whatever the configuration says."""
    options = IdempotencyOptions(namespace="n" * 300)

    upstream = key_upstream(options, "order-1")

    assert upstream.startswith("n" * 100 + ":")
    assert len(upstream) == 165


@pytest.mark.parametrize(
    ("options", "headers"),
    [
        pytest.param(
            IdempotencyOptions(),
            (("Idempotency-Key", "k"), ("X-Idempotency-Key", "k")),
            id="both",
        ),
        pytest.param(
            IdempotencyOptions(header="docs"), (("Idempotency-Key", "k"),), id="docs"
        ),
        pytest.param(
            IdempotencyOptions(header="sdk"), (("X-Idempotency-Key", "k"),), id="sdk"
        ),
    ],
)
def test_the_key_goes_upstream_in_the_configured_dialect(
    options: IdempotencyOptions, headers: tuple[tuple[str, str], ...]
) -> None:
    """Sources disagree on which header Dinie reads, so it can be set."""
    assert upstream_headers(options, "k") == headers
