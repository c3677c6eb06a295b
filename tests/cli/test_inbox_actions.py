"""The commands of `dinie-gateway inbox` that change the inbox."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from gateway.inbox.ports import Settlement
from tests.inbox.scene import Inbox, arrival

Command = Callable[..., Result]


@pytest.mark.parametrize(
    ("arguments", "said", "pending"),
    [
        pytest.param(["evt_1"], "1 deliveries will be made again.", 1, id="by-id"),
        pytest.param(["--dead"], "1 deliveries will be made again.", 1, id="dead"),
        pytest.param(
            ["--since", "2026-01-01T00:00:00Z"],
            "2 deliveries will be made again.",
            2,
            id="since",
        ),
        pytest.param(
            ["--dead", "--subscriber", "crm"],
            "1 deliveries will be made again.",
            1,
            id="subscriber",
        ),
    ],
)
def test_deliveries_are_made_again(
    command: Command, arguments: list[str], said: str, pending: int
) -> None:
    """A running gateway sees them within a second."""
    done = command("replay", *arguments)

    assert (done.exit_code, done.stdout.strip()) == (0, said), done.output
    assert f"pending     {pending}" in command("stats").stdout


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param([], 2, "give a WEBHOOK_ID, or --dead, or --since", id="nothing"),
        pytest.param(["evt_1", "--dead"], 2, "give a WEBHOOK_ID", id="both"),
        pytest.param(["--since", "soon"], 2, "must be 90s, 15m, 2h, 3d", id="no-time"),
        pytest.param(["--since", "1s"], 1, "0 deliveries", id="none-since"),
        pytest.param(["evt_9"], 1, "0 deliveries", id="unheard-of"),
        pytest.param(
            ["--dead", "--subscriber", "crn"], 2, "has no crn", id="no-subscriber"
        ),
    ],
)
def test_what_cannot_be_made_again_is_said(
    command: Command, arguments: list[str], code: int, said: str
) -> None:
    """A typing error must not pass for success."""
    done = command("replay", *arguments)

    assert done.exit_code == code
    assert said in done.output


async def test_a_subscriber_that_said_410_is_enabled(
    inbox: Inbox, command: Command
) -> None:
    """Once its people say that it is back."""
    await inbox.store.settle(Settlement(2, "crm", "disabled", 1, 5.0, 410, ""))
    import asyncio  # noqa: PLC0415 - the command has a loop of its own

    enabled = await asyncio.to_thread(command, "enable", "crm")
    again = await asyncio.to_thread(command, "enable", "crm")

    assert (enabled.exit_code, again.exit_code) == (0, 1)
    assert "crm gets its deliveries again." in enabled.output


def test_a_backfill_without_a_gateway_says_what_to_do(command: Command) -> None:
    """It asks through the gateway, which knows the quota."""
    done = command("backfill", "--since", "2h")

    assert done.exit_code == 1
    assert "start it" in done.output


def test_a_damaged_file_is_brought_over(command: Command, tmp_path: Path) -> None:
    """With its own name, after it was moved aside."""
    damaged = tmp_path / "gateway.db.corrupt-20261124T000000Z"
    for suffix in ("", "-wal"):  # the inbox is open: all is in its log
        part = (tmp_path / f"gateway.db{suffix}").read_bytes()
        Path(f"{damaged}{suffix}").write_bytes(part)

    done = command("recover", str(damaged))

    assert done.exit_code == 0, done.output
    assert "2 read, 0 brought over; the file is whole" in done.output


async def test_a_name_that_is_gone_is_said_and_can_be_dealt_with(
    command: Command, inbox: Inbox
) -> None:
    """Renamed in the configuration, or removed."""
    await inbox.store.add(arrival("evt_3"), ["old", "gone"])
    await inbox.store.add(arrival("evt_4"), ["gone"])

    async def run(*arguments: str) -> Result:
        return await asyncio.to_thread(command, *arguments)

    stats = await run("stats")
    wrong = await run("rename", "crm", "old"), await run("drop", "crm")
    renamed, dropped = await run("rename", "old", "crm"), await run("drop", "gone")

    assert "1 of old, which is not in webhooks.subscribers" in stats.stderr
    assert [one.exit_code for one in wrong] == [2, 2]
    assert (renamed.exit_code, renamed.stdout) == (0, "1 deliveries are crm's now.\n")
    assert (dropped.exit_code, dropped.stdout) == (0, "2 deliveries are given up.\n")
    assert (await run("stats")).stderr == ""


@pytest.mark.parametrize(
    "arguments",
    [("show",), ("replay",), ("enable",), ("drop",), ("list", "--type")],
)
def test_an_argument_that_is_no_text_is_a_usage_error(
    command: Command, arguments: tuple[str, ...]
) -> None:
    """Not a traceback."""
    done = command(*arguments, "\udcff\udcfe")

    assert (done.exit_code, "must be plain text" in done.output) == (2, True)


async def test_a_replay_to_who_said_410_says_so(command: Command, inbox: Inbox) -> None:
    """Otherwise the operator would not know why nothing is delivered."""
    inbox.store._targets = {}  # whatever its URL
    gone = Settlement(1, "crm", "disabled", 1, 0.0, 410, "")
    await inbox.store.settle(gone)

    done = await asyncio.to_thread(command, "replay", "evt_1")
    assert "crm is disabled since it responded 410" in done.stderr
