"""Spool: a folder that cannot be written is named, and looked at again."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from gateway.admission.spool import Spool, discard
from gateway.core.errors import Overloaded
from tests.fakes import FakeClock


class Events:
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, **fields: Any) -> None:
        self.said.append((event, fields))


async def test_a_body_is_written_in_pieces(tmp_path: Path) -> None:
    """Of a large one only a piece is in memory."""
    spool = Spool(folder=str(tmp_path))

    file = await spool.write(None, [b"ab"])
    file = await spool.write(file, [b"c", b"d"])

    file.seek(0)
    assert file.read() == b"abcd"
    discard(file)


async def test_a_folder_that_cannot_be_written_is_named_once(tmp_path: Path) -> None:
    """Whoever is on call learns which disk it is, in one line for a crowd."""
    events = Events()
    gone = tmp_path / "gone"
    spool = Spool(folder=str(gone), on_event=events)

    with pytest.raises(Overloaded, match="TMPDIR") as refused:
        await spool.write(None, [b"x"])
    with pytest.raises(Overloaded):
        await spool.write(None, [b"x"])
    await spool.probe()

    assert str(gone) in refused.value.detail
    assert spool.trouble is not None
    assert [event for event, _ in events.said] == ["spill_folder_failed"]
    assert events.said[0][1]["folder"] == str(gone)


async def test_trouble_is_over_when_the_folder_can_be_written(tmp_path: Path) -> None:
    """Without a restart."""
    events, clock = Events(), FakeClock()
    folder = tmp_path / "later"
    spool = Spool(folder=str(folder), on_event=events)
    await spool.probe()
    during = spool.trouble
    folder.mkdir()

    task = asyncio.create_task(spool.run(clock))
    async with asyncio.timeout(5):
        while spool.trouble is not None:  # noqa: ASYNC110 - a thread has no event
            await asyncio.sleep(0.005)
    task.cancel()

    assert during is not None
    assert [event for event, _ in events.said] == [
        "spill_folder_failed",
        "spill_folder_works",
    ]


def test_without_any_temporary_folder_the_first_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The system's own text names four folders and no remedy."""

    def none() -> str:
        raise FileNotFoundError

    monkeypatch.setattr("tempfile.gettempdir", none)
    monkeypatch.setenv("TMPDIR", "/nowhere")

    assert Spool().folder == "/nowhere"
