"""`dinie-gateway ledger`: the list of unknown outcomes, and how one is settled."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli
from gateway.core.clock import SystemClock
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.ports import Intent
from gateway.storage.ledger.ledger import REMEMBERED, SqliteLedger
from tests.inbox.scene import opened
from tests.upstreams import ScriptedUpstream, Step, answer

Command = Callable[..., Result]


@pytest.fixture
async def command(tmp_path: Path, upstream: ScriptedUpstream) -> Command:
    """Return what runs the command on a file with two unknown outcomes."""
    async with opened(tmp_path / "gateway.db") as inbox:
        ledger = SqliteLedger(
            inbox.database,
            environment="local",
            clock=inbox.clock,
            on_failure=print,
        )
        ledger.loaded = True  # nothing was there
        clock = inbox.clock
        for key, route, age in (
            ("order-0", "/loans", REMEMBERED + 60),
            ("order-1", "/loans", 60),
            ("order-2", "/customers/{id}/x", 0),
            ("crm order-1", "/banks", 0),
        ):
            clock.advance(SystemClock.unix() - age - clock.unix())
            post = Intent(key, b"x", route, f"r-{key.split()[0]}", generated=False)
            await ledger.begin(post)
            ledger.end(post, "unknown", status=0)
        await ledger.fold()
        ledger.close()

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(
            cli,
            [
                "ledger",
                *arguments,
                "--set",
                f"storage.sqlite_path={tmp_path / 'gateway.db'}",
                "--set",
                f"listen.proxy=127.0.0.1:{upstream.port}",
            ],
        )

    return run


async def test_they_are_listed_with_what_leads_to_them(command: Command) -> None:
    """Exit code 1: a job can watch it."""
    done = await asyncio.to_thread(command, "list")

    assert done.exit_code == 1
    _, first, second, third = done.stdout.splitlines()
    assert first.endswith("POST /loans  order-1  request r-order-1")
    assert second.endswith("POST /customers/{id}/x  order-2  request r-order-2")
    assert third.endswith("POST /banks  crm:order-1  request r-crm")


@pytest.mark.parametrize("folded", [True, False], ids=["folded", "appended"])
async def test_what_a_dead_gateway_had_under_way_is_listed_before_it_is_back(
    tmp_path: Path, *, folded: bool
) -> None:
    """Between the kill and the next start nothing else shows it."""
    async with opened(tmp_path / "gateway.db") as inbox:
        ledger = SqliteLedger(
            inbox.database, environment="local", clock=inbox.clock, on_failure=print
        )
        await ledger.load(MemoryRecords(on_evicted=lambda: None))
        clock = inbox.clock
        for key, age in (("order-1", 300), ("order-2", 300), ("order-3", 0)):
            clock.advance(SystemClock.unix() - age - clock.unix())
            post = Intent(key, b"x", "/loans", f"r-{key}", generated=False)
            await ledger.begin(post)
            if key == "order-2":
                ledger.end(post, "answered", status=201)
        if folded:
            await ledger.fold()
        ledger._append()
        ledger.close()
    setting = f"storage.sqlite_path={tmp_path / 'gateway.db'}"

    done = await asyncio.to_thread(
        CliRunner().invoke, cli, ["ledger", "list", "--set", setting]
    )

    assert done.exit_code == 1
    (line,) = done.stdout.splitlines()
    assert line.endswith("POST /loans  order-1  request r-order-1")
    assert "under way when their gateway ended" in done.stderr


async def test_somebody_who_looked_says_so(command: Command) -> None:
    """Then nothing is left to do about it."""
    settled = await asyncio.to_thread(command, "resolve", "order-1", "--done")
    again = await asyncio.to_thread(command, "resolve", "order-1", "--done")
    left = await asyncio.to_thread(command, "list")

    assert (settled.exit_code, settled.stdout) == (0, "Settled.\n")
    assert again.exit_code == 1
    assert " order-1" not in left.stdout


async def test_all_of_a_route_are_settled_together(command: Command) -> None:
    """After an outage there are hundreds, and an operator looked through them."""
    settled = await asyncio.to_thread(command, "resolve", "--done", "--route", "/loans")
    left = await asyncio.to_thread(command, "list")

    assert (settled.exit_code, settled.stdout) == (0, "Settled: 2 of POST /loans.\n")
    assert [line.split()[3] for line in left.stdout.splitlines()] == [
        "order-2",
        "crm:order-1",
    ]


async def test_a_callers_key_is_asked_again_as_that_callers(
    command: Command, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """Another caller's `order-1` is another key."""
    body = tmp_path / "body.json"
    body.write_bytes(b"{}")

    done = await asyncio.to_thread(
        command, "resolve", "crm:order-1", "--body", str(body)
    )

    (seen,) = upstream.requests
    assert done.exit_code == 0
    assert seen.all("Idempotency-Key") == ["order-1"]
    assert seen.all("X-Gateway-Caller") == ["crm"]


async def test_dinie_is_asked_again_under_the_same_key(
    command: Command, upstream: ScriptedUpstream, tmp_path: Path
) -> None:
    """With the same body; through the gateway, which refuses another one."""
    body = tmp_path / "body.json"
    body.write_bytes(b'{"amount": 5}')
    upstream.default = Step(answer(201, b"{}"))

    done = await asyncio.to_thread(command, "resolve", "order-1", "--body", str(body))

    (seen,) = upstream.requests
    assert (done.exit_code, done.stdout) == (0, "Settled: Dinie responded 201.\n")
    assert (seen.line, seen.body) == (b"POST /v3/loans HTTP/1.1", b'{"amount": 5}')
    assert seen.all("Idempotency-Key") == ["order-1"]


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        pytest.param(["order-1"], 2, "give --body FILE, or --done", id="neither"),
        pytest.param(["--done"], 2, "give a KEY, or", id="no-key"),
        pytest.param(["k", "--done", "--route", "/x"], 2, "give a KEY", id="two"),
        pytest.param(
            ["--route", "/x", "--body", "B"], 2, "with --done only", id="body"
        ),
        pytest.param(["--done", "--route", "/x"], 1, "No outcome of POST /x", id="no"),
        pytest.param(["order-1", "--done", "--body", "B"], 2, "give --body", id="both"),
        pytest.param(["order-9", "--done"], 1, "no unknown outcome", id="unheard-of"),
        pytest.param(["order-2", "--body", "B"], 2, "give --path", id="id-inside"),
        pytest.param(["order-0", "--body", "B"], 1, "over a day old", id="forgotten"),
        pytest.param(
            ["order-1", "--body", "B"],
            1,
            "Not settled: idempotency-key-reused",
            id="another-body",
        ),
    ],
)
async def test_what_settles_nothing_is_said(
    command: Command,
    upstream: ScriptedUpstream,
    tmp_path: Path,
    *,
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    """And leaves it in the list."""
    (tmp_path / "body").write_bytes(b"{}")
    given = [str(tmp_path / "body") if one == "B" else one for one in arguments]
    problem = [("X-Gateway-Error", "idempotency-key-reused")]
    upstream.default = Step(answer(422, b"{}", problem))

    done = await asyncio.to_thread(command, "resolve", *given)

    assert done.exit_code == code
    assert said in done.output
