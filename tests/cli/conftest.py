"""An inbox in a file, and the command on it."""

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
