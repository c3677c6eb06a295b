"""IdempotencyStage: keys that belong to a caller."""

import pytest

from gateway.core.clock import instant
from gateway.core.errors import IdempotencyKeyReused
from gateway.idempotency.fingerprint import fingerprint_of
from gateway.idempotency.ports import Record
from tests.idempotency.scene import Scene, call, settle


async def test_two_callers_with_one_key_have_an_answer_each() -> None:
    """The second would read the first's loan, or be refused for its own body."""
    scene = Scene(by_caller=True, namespace="")
    billing, crm = call(caller="billing"), call(caller="crm", body=b'{"b":2}')

    await scene.send(billing)
    answer = await scene.send(crm)

    assert "Idempotency-Replayed" not in answer.headers
    assert [one.upstream_key for one in scene.calls] == [
        "billing:order-1",
        "crm:order-1",
    ]
    assert [one.key for one in scene.calls] == ["order-1", "order-1"]


async def test_a_callers_own_key_still_belongs_to_one_request() -> None:
    """Another body under it is a mistake, as ever."""
    scene = Scene(by_caller=True)
    await scene.send(call(caller="billing"))

    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call(caller="billing", body=b'{"b":2}'))


async def test_two_callers_at_once_do_not_follow_each_other() -> None:
    """A follower gets its leader's answer."""
    scene = Scene(by_caller=True)
    scene.gate.clear()
    running = [scene.start(call(caller=name)) for name in ("billing", "crm", "crm")]
    await settle()
    scene.gate.set()
    for task in running:
        await task

    assert sorted(one.caller for one in scene.calls) == ["billing", "crm"]


async def test_another_method_carries_the_callers_key_too() -> None:
    """Dinie keeps keys partner-wide, whatever the method."""
    scene = Scene(by_caller=True, namespace="")

    await scene.send(call(caller="crm", method="PATCH"))

    assert scene.calls[0].upstream_key == "crm:order-1"


@pytest.mark.parametrize(
    ("by_caller", "old", "upstream"),
    [
        pytest.param(True, "order-1", "order-1", id="to-caller"),
        pytest.param(True, "order-1", "", id="to-caller-from-an-old-file"),
        pytest.param(False, "billing order-1", "billing:order-1", id="to-gateway"),
    ],
)
async def test_a_repeat_after_a_change_of_scope_goes_under_the_key_of_before(
    old: str, upstream: str, *, by_caller: bool
) -> None:
    """Dinie knows it under that key only: another one is a second loan."""
    scene = Scene(by_caller=by_caller, namespace="")
    repeat = call(caller="billing")
    now = instant(scene.clock)
    known = Record(await fingerprint_of(repeat), now, "unknown", upstream)
    scene.records.put(old, known, now=now)

    await scene.send(repeat)

    assert scene.calls[0].upstream_key == (upstream or "order-1")
    record = scene.records.get(old, now=now)
    assert record is not None
    assert record.outcome == "answered"


async def test_a_key_of_before_a_change_of_scope_admits_no_other_body() -> None:
    """Nobody knows whose it was, and it may be the same caller's mistake."""
    scene = Scene(by_caller=True)
    now = instant(scene.clock)
    scene.records.put("order-1", Record(b"x" * 32, now, "answered"), now=now)

    with pytest.raises(IdempotencyKeyReused):
        await scene.send(call(caller="billing"))
