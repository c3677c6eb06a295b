"""`dinie-gateway inbox`: what somebody on call types."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import orjson
import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from gateway.inbox.ports import Settlement
from tests.inbox.scene import Inbox, arrival, opened

PERSONAL = b'{"type":"customer.active","data":{"id":"cust_1","name":"Ana Lima"}}'
Command = Callable[..., Result]


@pytest.fixture
async def inbox(tmp_path: Path) -> AsyncIterator[Inbox]:
    """Yield an inbox with one delivered and one dead, as a gateway left it."""
    async with opened(tmp_path / "gateway.db") as inbox:
        await inbox.store.add(arrival("evt_1", body=PERSONAL), ["crm"])
        await inbox.store.add(arrival("evt_2", event_type="loan.active"), ["crm"])
        for seq, outcome in ((1, "delivered"), (2, "dead")):
            done = Settlement(seq, "crm", outcome, 10, 0.0, 500, "")  # type: ignore[arg-type]
            await inbox.store.settle(done)
        yield inbox


@pytest.fixture
def command(tmp_path: Path, inbox: Inbox) -> Command:
    """Return what runs the command on the same file."""
    del inbox
    one = {"name": "crm", "url": "http://127.0.0.1:1/x", "events": ["*"]}

    def run(*arguments: str) -> Result:
        settings = (
            f"storage.sqlite_path={tmp_path / 'gateway.db'}",
            f"webhooks.subscribers={orjson.dumps([one]).decode()}",
            "listen.proxy=127.0.0.1:1",
        )
        options = [word for one in settings for word in ("--set", one)]
        return CliRunner().invoke(cli, ["inbox", *arguments, *options])

    return run


def test_a_list_shows_what_came_and_how_it_stands(command: Command) -> None:
    """Newest first, one line each."""
    done = command("list")

    lines = done.stdout.splitlines()
    assert done.exit_code == 0
    assert lines[0].endswith("evt_2  loan.active  crm dead (10)")
    assert lines[1].endswith("evt_1  customer.active  crm delivered (10)")
    assert command("list", "--state", "pending").stdout == ""
    assert len(command("list", "--type", "loan.active").stdout.splitlines()) == 1


def test_personal_data_is_shown_to_who_asks_for_it(command: Command) -> None:
    """And to nobody else."""
    plain, revealed = command("show", "evt_1"), command("show", "evt_1", "--reveal")

    assert '"name": "[redacted]"' in plain.stdout
    assert "Ana" not in plain.stdout
    assert "Ana Lima" in revealed.stdout
    assert command("show", "evt_9").exit_code == 1


def test_how_full_it_is(command: Command) -> None:
    """The first look at three in the morning."""
    assert command("stats").stdout.splitlines() == [
        "events      2",
        "pending     0",
        "delivering  0",
        "dead        1",
        "oldest      -",
        "disabled    -",
    ]


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


def test_without_a_file_there_is_nothing_to_look_into(tmp_path: Path) -> None:
    """And the command makes none."""
    path = tmp_path / "none" / "gateway.db"
    done = CliRunner().invoke(
        cli, ["inbox", "list", "--set", f"storage.sqlite_path={path}"]
    )

    assert done.exit_code == 1
    assert "storage.sqlite_path" in done.output
    assert not path.exists()
