"""A disk that is full, for real: nothing is lost, and it is over when there is room."""

import asyncio
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiohttp import ClientSession

from tests.inbox.scene import SECRET, headers
from tests.inprocess import EXTRA, Stack, running_stack

pytestmark = pytest.mark.e2e


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 2 MiB."""
    where, mount = tmp_path / "disk", shutil.which("mount") or "mount"
    where.mkdir()
    made = subprocess.run(  # noqa: S603
        [mount, "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(where)],
        check=False,
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("this user may not mount a tmpfs")
    yield where
    subprocess.run(  # noqa: S603
        [shutil.which("umount") or "umount", "--lazy", str(where)], check=True
    )


async def deliver(stack: Stack, number: int, size: int = 20_000) -> int:
    body = orjson.dumps({"type": "loan.active", "data": {"padding": "x" * size}})
    async with (
        ClientSession() as session,
        session.post(
            f"http://{stack.running.webhooks}/webhooks/dinie",
            data=body,
            headers=headers(f"evt_{number}", body, at=time.time()),
        ) as answer,
    ):
        return answer.status


async def readiness(stack: Stack) -> dict[str, Any]:
    checks = orjson.loads((await stack.admin("/readyz")).body)["checks"]
    return dict(checks["inbox"])


async def test_a_full_disk_is_a_503_until_there_is_room(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was acknowledged before is there; what was not comes again, and is kept."""
    monkeypatch.setitem(EXTRA, "DINIE_WEBHOOK_SECRET", SECRET)
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_000_000)
    async with running_stack(
        "http://127.0.0.1:1/v3",
        "listen.webhooks=127.0.0.1:0",
        f"storage.sqlite_path={small_disk / 'gateway.db'}",
    ) as stack:
        statuses = [await deliver(stack, number) for number in range(60)]
        full = await readiness(stack)
        ballast.unlink()
        async with asyncio.timeout(20):
            while not (await readiness(stack))["ok"]:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.05)
        refused = [n for n, status in enumerate(statuses) if status != 200]
        again = [await deliver(stack, number, 100) for number in refused[:20]]
        listed = orjson.loads((await stack.admin("/inbox?limit=1000")).body)["data"]

    acknowledged = {f"evt_{n}" for n, status in enumerate(statuses) if status == 200}
    kept = {one["webhook_id"] for one in listed}
    assert set(statuses) == {200, 503}
    assert not full["ok"]
    assert "the disk is full: make room" in full["reason"]
    assert set(again) == {200}
    assert kept == acknowledged | {f"evt_{number}" for number in refused[:20]}


async def test_readiness_never_calls_a_full_disk_writable(
    small_disk: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Who looks between two refused deliveries must not be told that all is well."""
    monkeypatch.setitem(EXTRA, "DINIE_WEBHOOK_SECRET", SECRET)
    async with running_stack(
        "http://127.0.0.1:1/v3",
        "listen.webhooks=127.0.0.1:0",
        f"storage.sqlite_path={small_disk / 'gateway.db'}",
    ) as stack:
        taken = await deliver(stack, 0, 10)
        fill(small_disk)
        for number in range(1, 40):  # what is left in the log
            await deliver(stack, number)
        looks = []
        for _ in range(20):
            looks.append(await readiness(stack))
            await asyncio.sleep(0.15)
        refused = await deliver(stack, 200)

    assert (taken, refused) == (200, 503)
    assert [look for look in looks if look["ok"]] == []
    assert all("the disk is full: make room" in look["reason"] for look in looks)
    assert '"event":"inbox_unavailable"' in capsys.readouterr().out


def fill(disk: Path) -> None:
    """Leave not a byte."""
    with (disk / "ballast").open("wb", buffering=0) as ballast, suppress(OSError):
        while ballast.write(b"x" * 4096):
            pass


async def test_a_read_only_disk_is_a_503_until_it_is_writable(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Linux makes a disk that fails; and by itself after the repair."""
    monkeypatch.setitem(EXTRA, "DINIE_WEBHOOK_SECRET", SECRET)
    remount(small_disk, "ro")
    async with running_stack(
        "http://127.0.0.1:1/v3",
        "listen.webhooks=127.0.0.1:0",
        f"storage.sqlite_path={small_disk / 'gateway.db'}",
    ) as stack:
        refused = await deliver(stack, 1, 10)
        reason = (await readiness(stack))["reason"]
        remount(small_disk, "rw")
        async with asyncio.timeout(20):
            while not (await readiness(stack))["ok"]:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.05)
        taken = await deliver(stack, 1, 10)

    assert (refused, taken) == (503, 200)
    assert "Read-only file system" in reason


def remount(where: Path, how: str) -> None:
    """Make a mount read-only or writable."""
    subprocess.run(  # noqa: S603
        [shutil.which("mount") or "mount", "-o", f"remount,{how}", str(where)],
        check=True,
    )
