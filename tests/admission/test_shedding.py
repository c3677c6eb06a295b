"""A full gateway makes room for what is urgent: the newest batch work leaves."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.admission.options import AdmissionOptions
from gateway.admission.policy import UPLOAD_SLOTS
from gateway.admission.stage import AdmissionStage
from gateway.core.errors import Overloaded
from gateway.core.stage import EXCHANGE
from tests.exchanges import new_exchange
from tests.ratelimit.scene import Scene
from tests.ratelimit.timeline import settle

MOST = 100
OPTIONS = AdmissionOptions(max_in_flight=4, max_queue=MOST - 4 - UPLOAD_SLOTS)


class Request(dict[object, object]):
    can_read_body = False


async def ask(
    stage: AdmissionStage, *, interactive: bool = True, held: bool = False
) -> None:
    """Be inside once, or for good."""
    exchange = new_exchange("r", "GET", "/banks", 0.0, interactive=interactive)

    async def handler(_: Any) -> web.StreamResponse:
        if held:
            await asyncio.get_running_loop().create_future()
        return web.Response()

    await stage(cast("web.BaseRequest", Request({EXCHANGE: exchange})), handler)


@asynccontextmanager
async def filled(stage: AdmissionStage, count: int) -> AsyncIterator[None]:
    """Have so many inside."""
    tasks = [asyncio.create_task(ask(stage, held=True)) for _ in range(count)]
    await settle()
    assert stage.inside == count
    yield
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert stage.inside == 0


def stage(*shed: bool) -> AdmissionStage:
    left = list(shed)
    return AdmissionStage(
        OPTIONS,
        denied=lambda _: False,
        is_upload=lambda _: False,
        shed=(lambda: False, lambda: left.pop(0) if left else False),
    )


@pytest.mark.parametrize(
    ("inside", "interactive", "admitted"),
    [(74, False, True), (75, False, False), (93, True, True), (94, True, False)],
)
async def test_batch_work_may_fill_three_quarters(
    inside: int, *, interactive: bool, admitted: bool
) -> None:
    """The rest is for whom somebody waits, and the last of it for what moves money."""
    made = stage()
    async with filled(made, inside):
        if admitted:
            await ask(made, interactive=interactive)
        else:
            with pytest.raises(Overloaded):
                await ask(made, interactive=interactive)


async def test_what_is_urgent_takes_the_place_of_batch_work() -> None:
    """As long as some waits."""
    made = stage(True)
    async with filled(made, MOST - MOST // 16):
        await ask(made)
        with pytest.raises(Overloaded):
            await ask(made)
        with pytest.raises(Overloaded):
            await ask(made, interactive=False)


async def test_the_newest_batch_work_leaves_the_limiters_queue() -> None:
    """It is told so, and leaves nothing behind."""
    scene = Scene(remaining=1, max_wait=20.0)
    await scene.learn()
    tasks = []
    for name in ("old", "new"):
        tasks.append(scene.start(name, interactive=False))
        await scene.clock.advance(0.5)
    urgent = scene.start("urgent")
    await settle()

    sent_away = scene.stage.shed()
    await settle()

    assert sent_away
    assert [task.done() for task in (*tasks, urgent)] == [False, True, False]
    assert isinstance(tasks[1].exception(), Overloaded)
    assert scene.stage.snapshot.waiting == 2
    assert (scene.stage.shed(), scene.stage.shed()) == (True, False)
    for task in (*tasks, urgent):
        task.cancel()
    await asyncio.gather(*tasks, urgent, return_exceptions=True)
    assert scene.stage.snapshot.waiting == 0
