"""The simulated idempotency store: replay, reuse, and what was really executed."""

import asyncio

import pytest

from gateway.simulator.keys import Keys, fingerprint
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.response import Refusal, Reply
from tests.fakes import FakeClock
from tests.simulator.partner import BORROWER, dinie, until


async def test_a_repeat_is_answered_from_memory_and_executed_once() -> None:
    """The proof that a retry makes no second borrower."""
    async with dinie() as partner:
        first = await partner.call("POST", "/customers", BORROWER, key="k")
        again = await partner.call("POST", "/customers", BORROWER, key="k")
        executed = [e.executed for e in partner.simulator.journal if e.idempotency_key]

    assert (first.status, again.status) == (201, 201)
    assert first.body == again.body
    assert dict(partner.simulator.effects) == {"k": 1}
    assert executed == [True, False]


@pytest.mark.parametrize("status", [422, 409])
async def test_a_key_of_another_request_is_refused(status: int) -> None:
    """The two statuses that the SDKs' notes name."""
    async with dinie(key_reuse_status=status) as partner:
        await partner.call("POST", "/customers", BORROWER, key="k")
        other = {**BORROWER, "email": "other@example.com"}
        reply = await partner.call("POST", "/customers", other, key="k")

    assert reply.code == (status, "idempotency_key_reused")


async def test_a_refusal_frees_the_key() -> None:
    """Nothing was executed, so the caller may mend the body."""
    async with dinie() as partner:
        refused = await partner.call("POST", "/customers", {"name": "Ana"}, key="k")
        mended = await partner.call("POST", "/customers", BORROWER, key="k")

    assert (refused.status, mended.status) == (422, 201)


@pytest.mark.parametrize(
    ("mode", "header", "executed"),
    [
        pytest.param("both", "Idempotency-Key", 1, id="both-docs"),
        pytest.param("both", "X-Idempotency-Key", 1, id="both-sdk"),
        pytest.param("docs", "Idempotency-Key", 1, id="docs"),
        pytest.param("sdk", "X-Idempotency-Key", 1, id="sdk"),
        pytest.param("docs", "X-Idempotency-Key", 0, id="docs-ignores-sdk"),
        pytest.param("sdk", "Idempotency-Key", 0, id="sdk-ignores-docs"),
    ],
)
async def test_the_key_is_read_from_the_configured_header(
    mode: str, header: str, executed: int
) -> None:
    """A gateway that sends only the wrong one is found out."""
    async with dinie(idempotency_header=mode) as partner:
        headers = {header: "k"}
        await partner.call("POST", "/customers", BORROWER, headers=headers)

    assert partner.simulator.effects.get("k", 0) == executed


async def test_an_upload_with_a_new_boundary_is_the_same() -> None:
    """As Dinie must see it, for its own SDKs to work."""
    async with dinie() as partner:
        customer = await partner.customer()
        path = f"/customers/{customer['id']}/documents"
        replies = []
        for boundary in ("one", "two"):
            body = (
                f'--{boundary}\r\nContent-Disposition: form-data; name="type"\r\n\r\n'
                f"cnh\r\n--{boundary}\r\nContent-Disposition: form-data; "
                f'name="file"; filename="a.pdf"\r\n\r\n%PDF-1.4\r\n--{boundary}--\r\n'
            )
            kind = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
            replies.append(
                await partner.call("POST", path, data=body, headers=kind, key="up")
            )

    assert [reply.status for reply in replies] == [201, 201]
    assert replies[0].body == replies[1].body


def test_a_key_at_work_is_refused() -> None:
    """Two at once are a 409, as the gateway's single flight never shows."""
    keys = Keys(SimulatorOptions(), FakeClock())
    assert keys.replay("k", "print") is None

    with pytest.raises(Refusal) as refused:
        keys.replay("k", "print")

    assert refused.value.reply.status == 409
    assert b"idempotency_key_in_flight" in refused.value.reply.body


def test_a_key_is_kept_for_a_day() -> None:
    """After that it would be executed again."""
    clock = FakeClock()
    keys = Keys(SimulatorOptions(), clock)
    keys.replay("k", "print")
    keys.keep("k", Reply(201, b"made"))

    clock.advance(86_400.0)
    last = keys.replay("k", "print")
    clock.advance(1.0)

    assert last == Reply(201, b"made")
    assert keys.replay("k", "print") is None


def test_a_fingerprint_tells_method_path_and_body_apart() -> None:
    """No two requests look alike."""
    prints = {
        fingerprint("POST", "/loans", b"{}"),
        fingerprint("PUT", "/loans", b"{}"),
        fingerprint("POST", "/loan", b"{}"),
        fingerprint("POST", "/loans", b"{ }"),
    }

    assert len(prints) == 4


def test_a_key_is_at_work_until_its_answer_goes_out() -> None:
    """A retry that overtakes a slow answer meets a 409, not a second loan."""
    keys = Keys(SimulatorOptions(), FakeClock())
    keys.replay("k", "print")
    keys.keep("k", Reply(201, b"made"))
    keys.hold("k", held=True)

    with pytest.raises(Refusal) as refused:
        keys.replay("k", "print")
    keys.hold("k", held=False)

    assert refused.value.reply.status == 409
    assert keys.replay("k", "print") == Reply(201, b"made")


async def test_two_at_once_are_one_and_a_conflict() -> None:
    """As seen over the wire: the first is executed, the second is told to wait."""
    async with dinie() as partner:
        slow = {"kind": "latency", "seconds": 0.1, "processed": True}
        partner.simulator.fault(method="POST", **slow)
        first = asyncio.ensure_future(
            partner.call("POST", "/customers", BORROWER, key="k")
        )
        await until(lambda: partner.simulator.effects)
        second = await partner.call("POST", "/customers", BORROWER, key="k")
        made = await first
        third = await partner.call("POST", "/customers", BORROWER, key="k")

    assert second.code == (409, "idempotency_key_in_flight")
    assert (made.status, third.body) == (201, made.body)
    assert dict(partner.simulator.effects) == {"k": 1}
