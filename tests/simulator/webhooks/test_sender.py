"""Webhooks on their way: attempts, refusals, patterns, rotation and the journal."""

import asyncio

import pytest
from aiohttp import web

from gateway.simulator.ids import Ids
from gateway.simulator.options import SCHEDULE, SimulatorOptions
from gateway.simulator.webhooks.sender import WebhookSender
from gateway.simulator.world import World
from tests.fakes import FakeClock
from tests.simulator.receiver import SECRET, Post, posting, receiving


def refuse(post: Post, *statuses: int, **headers: str) -> None:
    """Let the receiver answer with these first."""
    answers = (web.Response(status=one, headers=headers) for one in statuses)
    post.receiver.script.extend(answers)


async def test_a_refused_webhook_comes_again_with_its_id_signed_afresh() -> None:
    """Receivers tell by the id that it is the same; a queue's age is no staleness."""
    async with posting(profile="sdk") as post:
        refuse(post, 500, 503)
        identifier = await post.emit("loan.finished", id="ln_1", status="finished")

    first, second, third = post.received
    assert {one.id for one in post.received} == {identifier}
    waits = (second.timestamp - first.timestamp, third.timestamp - second.timestamp)
    assert waits == (5, 300)
    assert [one.extracted().type for one in post.received] == ["loan.finished"] * 3
    assert len({one.json["delivery_id"] for one in post.received}) == 3
    assert len({one.json["timestamp"] for one in post.received}) == 1


async def test_a_webhook_that_nobody_takes_is_given_up_after_ten_attempts() -> None:
    """The example schedule of the specification."""
    async with posting() as post:
        refuse(post, *[500] * 20)
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    assert (delivery.attempts, delivery.acknowledged) == (10, False)
    assert [wait for wait in post.clock.slept if wait] == list(SCHEDULE[1:])


async def test_the_schedule_can_be_compressed() -> None:
    """Three days pass in a test's second."""
    async with posting(webhook_speed=100.0, webhook_schedule=(0, 5, 300)) as post:
        refuse(post, *[500] * 3)
        await post.emit()

    assert [wait for wait in post.clock.slept if wait] == [0.05, 3.0]


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        pytest.param("60", 30.0, id="later"),
        pytest.param("1", 2.5, id="never-earlier-than-planned"),
        pytest.param("Wed, 21 Oct 2026 07:28:00 GMT", 2.5, id="no-seconds"),
        pytest.param("9" * 30, 43_200.0, id="a-day-at-most"),
    ],
)
async def test_retry_after_is_honoured(value: str, wait: float) -> None:
    """At twice the speed, as all waits."""
    async with posting(webhook_speed=2.0) as post:
        refuse(post, 503, **{"Retry-After": value})
        await post.emit()

    assert [slept for slept in post.clock.slept if slept] == [wait]


async def test_a_redirect_is_a_failure_and_not_followed() -> None:
    """Borrowers' data go where the partner said, nowhere else."""
    async with posting() as post:
        refuse(post, 302, Location="/elsewhere")
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    assert [one.path for one in post.received] == ["/hook", "/hook"]
    assert [one.status for one in delivery.history] == [302, 204]


async def test_410_disables_the_endpoint() -> None:
    """It is not asked again, by this webhook or by another."""
    async with posting() as post:
        refuse(post, 410)
        await post.emit()
        await post.emit()
        listed = await post.partner.call("GET", "/webhooks/endpoints")
        (delivery,) = post.simulator.webhooks.journal

    assert (len(post.received), delivery.last_status) == (1, 410)
    assert listed.json["data"][0]["status"] == "disabled"


async def test_no_answer_in_time_is_a_failure() -> None:
    """An endpoint that thinks for too long is asked again."""
    async with posting(webhook_timeout=0.05, webhook_schedule=(0, 1)) as post:

        async def slow(request: web.Request) -> web.Response:
            if not post.received:
                await post.receiver.answer(request)
                await asyncio.sleep(0.3)
            return await post.receiver.answer(request)

        post.receiver.hook = slow
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    assert [one.status for one in delivery.history] == [0, 204]


async def test_nobody_listening_is_a_failure() -> None:
    """Status 0: there was no answer."""
    async with receiving() as gone:
        url = gone.url
    async with posting(webhook_url=url, webhook_schedule=(0, 1)) as post:
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    assert [one.status for one in delivery.history] == [0, 0]
    assert post.simulator.webhooks.acknowledged() == set()


async def test_an_endpoint_gets_what_its_patterns_name() -> None:
    """Each of its own; the endpoint from the start gets all."""
    patterns = [["loan.created"], ["customer.*"], ["*"], [], ["loan*", "loan.create"]]
    async with posting() as post:
        for number, events in enumerate(patterns):
            url = f"{post.receiver.url}/{number}"
            post.simulator.add_endpoint(url, events, secret=SECRET)
        await post.emit("loan.created")
        await post.emit("customer.active")

    paths = [(one.path.removeprefix("/hook"), one.type) for one in post.received]
    loan, customer = "loan.created", "customer.active"
    assert sorted(paths) == [
        ("", customer),
        ("", loan),
        ("/0", loan),
        ("/1", customer),
        ("/2", customer),
        ("/2", loan),
        ("/3", customer),
        ("/3", loan),
    ]


async def test_after_a_rotation_both_secrets_sign_until_the_old_one_ends() -> None:
    """Receivers have time to learn the new one."""
    async with posting(profile="sdk") as post:
        (endpoint,) = (await post.partner.call("GET", "/webhooks/endpoints")).json[
            "data"
        ]
        path = f"/webhooks/endpoints/{endpoint['id']}/rotate-secret"
        rotated = await post.partner.call("POST", path, {"expire_current_in": 60})
        new = rotated.json["secret"]
        data = {"id": "ln_1", "status": "finished"}
        await post.emit("loan.finished", **data)
        post.clock.advance(60)
        await post.emit("loan.finished", **data)

    during, after = post.received
    assert [len(one.signatures) for one in post.received] == [2, 1]
    assert during.extracted(SECRET) == during.extracted(new)
    assert after.extracted(new).data.id == "ln_1"


async def test_an_endpoint_that_is_paused_or_deleted_gets_nothing_more() -> None:
    """Until it is active again."""
    async with posting() as post:
        (endpoint,) = post.simulator._world.all("endpoints")
        path = f"/webhooks/endpoints/{endpoint['id']}"
        await post.partner.call("PATCH", path, {"status": "disabled"})
        await post.emit()
        await post.partner.call("PATCH", path, {"status": "active"})
        await post.emit()
        await post.partner.call("DELETE", path)
        await post.emit()

    assert len(post.received) == 1


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_a_pause_ends_the_retries_of_what_was_sent_before(method: str) -> None:
    """A receiver that is taken down is left alone."""
    async with posting() as post:
        (endpoint,) = post.simulator._world.all("endpoints")
        path = f"/webhooks/endpoints/{endpoint['id']}"

        async def leave(_: web.Request) -> web.Response:
            await post.partner.call(method, path, {"status": "disabled"})
            return web.Response(status=500)

        post.receiver.hook = leave
        await post.emit()
        (delivery,) = post.simulator.webhooks.journal

    assert (delivery.attempts, delivery.last_status) == (1, 500)


async def test_only_so_many_are_sent_at_once() -> None:
    """A burst does not become as many connections."""
    async with posting(webhook_concurrency=2) as post:
        busy, most = 0, 0

        async def count(_: web.Request) -> web.Response:
            nonlocal busy, most
            busy, most = busy + 1, max(most, busy + 1)
            await asyncio.sleep(0.005)
            busy -= 1
            return web.Response()

        post.receiver.hook = count
        for _ in range(10):
            post.simulator.webhooks.emit("loan.active", {})
        await post.simulator.webhooks.settled()

    assert most == 2


@pytest.mark.parametrize("reset", [True, False])
async def test_stop_and_reset_give_up_what_is_under_way(reset: bool) -> None:
    """A test ends when it ends."""
    async with posting(webhook_timeout=60.0) as post:
        stuck, sender = asyncio.Event(), post.simulator.webhooks

        async def hang(_: web.Request) -> web.Response:
            stuck.set()
            await asyncio.sleep(30)
            return web.Response()

        post.receiver.hook = hang
        sender.emit("loan.active", {})
        await stuck.wait()
        under_way = sender.under_way
        sender.emit("loan.active", {})  # has not begun
        if reset:
            post.simulator.reset()
            await sender.settled()
        else:
            await post.simulator.stop()

    assert (under_way, sender.under_way) == (1, 0)


async def test_what_is_emitted_from_another_thread_or_before_the_start_is_sent() -> (
    None
):
    """End-to-end tests step a world whose loop runs elsewhere."""
    async with posting() as post:
        await post.simulator.webhooks.stop()
        early = post.simulator.webhooks.emit("loan.active", {})
        await post.simulator.webhooks.start()
        emit = post.simulator.webhooks.emit
        late = await asyncio.to_thread(emit, "loan.active", {})
        await post.simulator.webhooks.settled()

    assert {one.id for one in post.received} == {early, late}


async def test_a_reset_begins_anew_with_the_endpoint_of_the_options() -> None:
    """The same seed gives the same ids."""
    async with posting() as post:
        first = await post.emit()
        post.simulator.reset()
        journal = list(post.simulator.webhooks.journal)
        second = await post.emit()

    assert (journal, first) == ([], second)
    assert first.startswith("evt_")
    assert len(post.received) == 2


def test_without_an_endpoint_an_event_is_only_an_id() -> None:
    """No loop, no connection, no journal."""
    world = World(SimulatorOptions(), FakeClock(), Ids(1))
    sender = WebhookSender(world)

    assert sender.emit("loan.active", {}) != sender.emit("loan.active", {})
    assert (sender.journal, sender.under_way) == ([], 0)


async def test_an_endpoint_without_a_secret_gets_nothing() -> None:
    """Nothing goes out unsigned."""
    async with posting() as post:
        post.simulator._world.add("endpoints", "we", url="https://a.example")
        await post.emit()

    assert len(post.simulator.webhooks.journal) == 1
