"""The ledger on a disk that is full: requests go on, and what is known comes back."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.core.clock import instant
from gateway.storage.ledger.intent_log import IntentLog
from tests.storage.ledger.test_ledger import PRINT, Scene


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "gateway.db")
    made.ledger.loaded = True  # nothing was there
    yield made
    made.ledger.close()
    await made.database.close()


async def test_a_disk_that_takes_nothing_keeps_no_request_back(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dinie's own memory of the key still stands; somebody is told."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IntentLog, "append", full)
    await scene.begin("order-1")
    await scene.begin("order-2")  # not asked for a second
    monkeypatch.undo()
    scene.clock.advance(1.1)
    await scene.begin("order-3")

    assert scene.failures == ["No space left on device: intents cannot be written"]
    assert scene.lines == 1


async def test_an_outcome_says_whose_it_is_where_the_disk_was_full_at_the_beginning(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the key came back without a fingerprint, and took any other body."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(IntentLog, "append", full)
    await scene.begin("order-1")
    await scene.begin("order-2")  # the disk is not asked for a second
    monkeypatch.undo()
    for key in ("order-1", "order-2"):
        scene.end(key, "unknown", status=0)
    await scene.ledger.fold()
    records = await scene.kill()

    found = [records.get(f"order-{n}", now=instant(scene.clock)) for n in (1, 2)]
    assert [one and one.fingerprint for one in found] == [PRINT, PRINT]
    assert [one.route for one in await scene.ledger.unknown()] == ["/loans", "/loans"]
