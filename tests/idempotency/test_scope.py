"""scope: whose keys are the same key."""

import hashlib

import pytest

from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.scope import Scope, parts, shown

GENERATED = "gw-retry-00000000-0000-4000-8000-000000000000"


def scope(*, by_caller: bool, shared: bool = True, namespace: str = "") -> Scope:
    options = IdempotencyOptions(namespace=namespace)
    return Scope(options, by_caller=by_caller, shared=shared)


@pytest.mark.parametrize(
    ("by_caller", "shared", "names"),
    [
        pytest.param(True, True, ("billing order-1", "order-1"), id="caller"),
        pytest.param(False, True, ("order-1", "billing order-1"), id="gateway"),
        pytest.param(False, False, ("order-1",), id="alone"),
    ],
)
def test_a_key_is_looked_for_under_the_other_scope_too(
    names: tuple[str, ...], *, by_caller: bool, shared: bool
) -> None:
    """A POST from before a change of the setting is repeated under its old key."""
    assert scope(by_caller=by_caller, shared=shared).names("billing", "order-1") == (
        names
    )


def test_a_generated_key_belongs_to_whoever_holds_it() -> None:
    """It is unique without a caller, and its repeat must be the same key."""
    names = scope(by_caller=True).names("billing", GENERATED)

    assert names == (GENERATED,)


def test_no_key_can_name_another_callers_record() -> None:
    """A key has no blanks, and a record of a caller's has one."""
    mine = scope(by_caller=True).names("crm", "billing:order-1")
    theirs = scope(by_caller=True).names("billing", "order-1")

    assert not set(mine) & set(theirs[:1])


@pytest.mark.parametrize(
    ("name", "namespace", "upstream"),
    [
        pytest.param("order-1", "", "order-1", id="plain"),
        pytest.param("billing order-1", "", "billing:order-1", id="caller"),
        pytest.param("billing order-1", "shop", "shop:billing:order-1", id="both"),
        pytest.param(
            "my svc order-1", "", "my_svc.9d121d0a:order-1", id="name-with-a-blank"
        ),
        pytest.param(
            "billing " + "k" * 250,
            "shop",
            "shop:billing:" + hashlib.sha256(b"k" * 250).hexdigest(),
            id="hashed-when-too-long",
        ),
        pytest.param("billing " + "k" * 247, "", "billing:" + "k" * 247, id="fits"),
    ],
)
def test_dinie_sees_whose_key_it_is(name: str, namespace: str, upstream: str) -> None:
    """Keys are partner-wide there: two `order-1` would share one loan."""
    assert scope(by_caller=True, namespace=namespace).upstream(name) == upstream


@pytest.mark.parametrize(
    ("service", "caller", "key"),
    [("crm:eu", "crm", "eu:order-1"), ("my svc", "my_svc", "order-1")],
)
def test_no_service_s_key_reads_like_a_callers(
    service: str, caller: str, key: str
) -> None:
    """Dinie would answer the one with the other's loan."""
    made = scope(by_caller=True)

    assert made.upstream(f"{service} order-1") != made.upstream(f"{caller} {key}")


def test_a_records_name_is_shown_with_its_caller() -> None:
    """Operators copy it from `ledger list`."""
    assert (shown("billing order-1"), shown("order-1")) == (
        "billing:order-1",
        "order-1",
    )
    assert parts("my svc order-1") == ("my svc", "order-1")
