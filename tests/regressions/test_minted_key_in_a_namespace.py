"""A minted key, repeated after an unknown outcome, was put into the namespace."""

from hypothesis import given
from hypothesis import strategies as st

from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.policy import generated_key, key_upstream
from tests.inprocess import running_stack
from tests.upstreams import DROP, Step, answer, running_upstream

BILLING = IdempotencyOptions(namespace="billing")


@given(st.binary(min_size=16, max_size=16))
def test_a_generated_key_is_the_same_key_when_it_comes_back(random: bytes) -> None:
    """Dinie knows it by the bytes it saw first."""
    key = generated_key(random)

    assert key_upstream(BILLING, key) == key


def test_a_callers_key_that_only_begins_like_a_generated_one_is_namespaced() -> None:
    """Two services that both send `gw-retry-1` must not read each other's answer."""
    assert key_upstream(BILLING, "gw-retry-1") == "billing:gw-retry-1"


async def test_the_promised_repeat_reaches_dinie_under_the_first_key() -> None:
    """Under another key it would be a second loan."""
    with running_upstream() as upstream:
        upstream.default = DROP
        async with running_stack(
            upstream.base_url, "idempotency.namespace=billing"
        ) as stack:
            lost = await stack.ask("POST", "/v3/loans", body=b"{}")
            upstream.default = Step(answer(201))

            said = await stack.ask(
                "POST",
                "/v3/loans",
                body=b"{}",
                headers={"Idempotency-Key": lost.headers["Idempotency-Key"]},
            )

        sent = {key for one in upstream.requests for key in one.all("Idempotency-Key")}
    assert (lost.slug, said.status) == ("outcome-unknown", 201)
    assert sent == {lost.headers["Idempotency-Key"]}
