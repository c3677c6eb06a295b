"""`check` distinguishes a faulty configuration from a dependency that refuses."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from aiohttp import web
from click.testing import CliRunner, Result

from gateway.cli.check import check

CONFIG = Path(__file__).resolve().parents[2] / "config"
ID, SECRET = "dinie_ci_test_check", "dinie_cs_test_check"
CREDENTIALS = {"DINIE_CLIENT_ID": ID, "DINIE_CLIENT_SECRET": SECRET}
GRANT = {"access_token": "dinie_at_check", "token_type": "Bearer", "expires_in": 3600}


@dataclass
class TokenServer:
    """A token endpoint on loopback, in a thread: the command has a loop of its own."""

    base_url: str
    status: int = 200
    asked: int = 0


@pytest.fixture
def server() -> Iterator[TokenServer]:
    made: list[TokenServer] = []
    ready = threading.Event()
    stop: list[Callable[[], object]] = []

    async def serve() -> None:
        ended = asyncio.Event()
        loop = asyncio.get_running_loop()

        async def answer(request: web.BaseRequest) -> web.Response:
            made[0].asked += 1
            assert request.path == "/v3/auth/token"
            body = GRANT if made[0].status == 200 else {"error": "invalid_client"}
            return web.json_response(body, status=made[0].status)

        runner = web.ServerRunner(web.Server(answer), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        made.append(TokenServer(f"http://127.0.0.1:{runner.addresses[0][1]}/v3"))
        stop.append(lambda: loop.call_soon_threadsafe(ended.set))
        ready.set()
        await ended.wait()
        await runner.cleanup()

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    assert ready.wait(10)
    yield made[0]
    stop[0]()
    thread.join(10)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    for name in ("DINIE_ENV", "VAULT_ADDR", "VAULT_TOKEN", *CREDENTIALS):
        monkeypatch.delenv(name, raising=False)

    def call(*arguments: str, env: Mapping[str, str] = CREDENTIALS) -> Result:
        result = CliRunner().invoke(
            check, ["--config-dir", str(CONFIG), *arguments], env=dict(env)
        )
        assert SECRET not in result.output
        return result

    return call


def test_all_is_well(run: Callable[..., Result], server: TokenServer) -> None:
    """The green path asks for exactly one token."""
    result = run("--set", f"upstream.base_url={server.base_url}")
    assert (result.exit_code, server.asked) == (0, 1), result.output
    assert "configuration for local: ok" in result.stdout
    assert "dinie_at_" not in result.output


def test_offline_asks_nobody(run: Callable[..., Result], server: TokenServer) -> None:
    """A pipeline has no secrets and no network."""
    address = f"upstream.base_url={server.base_url}"
    result = run("--offline", "--set", address, env={})
    assert (result.exit_code, server.asked) == (0, 0)


def test_faults_are_two_and_all_on_stderr(run: Callable[..., Result]) -> None:
    """Exit 2 means that the configuration must be corrected."""
    result = run("--set", "deadline.total=99", "--set", "retry.atempts=1")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert "deadline.total" in result.stderr
    assert "retry.attempts" in result.stderr


def test_a_missing_secret_is_one(run: Callable[..., Result]) -> None:
    """Exit 1 means that a dependency refuses, and names it."""
    result = run(env={"DINIE_CLIENT_ID": ID})
    assert result.exit_code == 1
    assert "client_secret" in result.stderr


def test_a_refused_credential_is_one(
    run: Callable[..., Result], server: TokenServer
) -> None:
    """Dinie says no: the configuration is in order, the credential is not."""
    server.status = 401
    result = run("--set", f"upstream.base_url={server.base_url}")
    assert result.exit_code == 1
    assert "401" in result.stderr


def test_nobody_listening_is_one(run: Callable[..., Result]) -> None:
    """Without a traceback."""
    result = run("--set", "upstream.base_url=http://127.0.0.1:1/v3")
    assert result.exit_code == 1
    assert "unreachable" in result.stderr


def test_a_credential_of_another_environment_is_never_sent(
    run: Callable[..., Result], server: TokenServer
) -> None:
    """A live secret on a laptop: exit 2, and no connection."""
    live = {"DINIE_CLIENT_ID": ID, "DINIE_CLIENT_SECRET": "dinie_cs_live_check"}
    result = run("--set", f"upstream.base_url={server.base_url}", env=live)
    assert (result.exit_code, server.asked) == (2, 0)
    assert "dinie_cs_live_check" not in result.output
    assert "a live secret" in result.stderr


def test_an_unreadable_ca_is_a_fault(run: Callable[..., Result]) -> None:
    """Not a traceback either."""
    result = run("--set", "upstream.ca_file=/dev/null")
    assert result.exit_code == 2
    assert "upstream.ca_file" in result.stderr


def test_show_prints_one_line_a_key(run: Callable[..., Result]) -> None:
    """Each is `key = JSON value  (source)`, so that scripts can read it."""
    result = run("--show", "--offline", "--set", "deadline.total=7")
    assert result.exit_code == 0
    for line in result.stdout.splitlines():
        _, rest = line.split(" = ", 1)
        json.loads(rest.rsplit("  (", 1)[0])
    assert "deadline.total = 7.0  (--set)" in result.stdout


def test_an_unknown_prefix_is_a_warning_outside_production(
    run: Callable[..., Result],
) -> None:
    """Dinie may change its prefixes; `check` is where one notices first."""
    odd = {"DINIE_CLIENT_ID": "odd-id", "DINIE_CLIENT_SECRET": "odd-secret"}
    sets = ("--set", "secrets.provider=env", "--set", "upstream.ca_file=/dev/null")

    result = run(*sets, env=odd | {"DINIE_ENV": "sandbox"})

    assert "client_secret: its prefix names no environment" in result.stderr
    assert "odd-secret" not in result.output
    # It went on to the CA file, which ends it before anything is sent.
    assert "upstream.ca_file" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "env", "code", "says"),
    [
        pytest.param([], {"DINIE_ENV": "prod"}, 2, "DINIE_ENV", id="no environment"),
        pytest.param(["--set", "x"], {}, 2, "section.key=value", id="bad --set"),
        pytest.param(["--sett", "x=1"], {}, 2, "No such option", id="bad option"),
        pytest.param(
            [
                "--set",
                "secrets.provider=vault",
                "--set",
                "secrets.vault.address=http://127.0.0.1:1",
            ],
            {"VAULT_TOKEN": "hvs.check"},
            1,
            "secrets from vault: Vault at http://127.0.0.1:1 cannot be reached",
            id="Vault away",
        ),
    ],
)
def test_each_failure_has_its_exit_code(
    run: Callable[..., Result],
    arguments: list[str],
    env: dict[str, str],
    code: int,
    says: str,
) -> None:
    """A pipeline stops for 2 and tries again for 1."""
    result = run(*arguments, env=env)

    assert (result.exit_code, says in result.stderr) == (code, True), result.output
    assert "hvs.check" not in result.output


def test_the_command_itself_works_from_an_empty_folder(tmp_path: Path) -> None:
    """The files come with the package: nothing has to be laid out first."""
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--offline"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CONFIG.parent)},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )

    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "configuration for local: ok\n",
        "",
    )


def test_the_age_of_the_credential_is_told(
    run: Callable[..., Result], server: TokenServer
) -> None:
    """A rotation that is overdue shows here."""
    found = {**CREDENTIALS, "DINIE_SECRET_CLIENT_CREATED_AT": "1790000000"}
    settings = ("--set", f"upstream.base_url={server.base_url}")

    known = run(*settings, env=found)
    unknown = run(*settings, env=CREDENTIALS)

    assert "days old, to be rotated from 2026-12-06" in known.stdout
    assert "its age is unknown" in unknown.stdout


@pytest.mark.parametrize("provider", ["env", "file"])
def test_offline_sees_a_credential_of_another_environment(
    run: Callable[..., Result], server: TokenServer, tmp_path: Path, provider: str
) -> None:
    """No connection is needed to see that a live secret lies on a laptop."""
    (tmp_path / "client_id").write_text(ID)
    (tmp_path / "client_secret").write_text("dinie_cs_live_check")
    sets = (
        f"upstream.base_url={server.base_url}",
        f"secrets.provider={provider}",
        f"secrets.file.directory={tmp_path}",
    )
    arguments = [word for one in sets for word in ("--set", one)]
    live = {"DINIE_CLIENT_ID": ID, "DINIE_CLIENT_SECRET": "dinie_cs_live_check"}

    result = run("--offline", *arguments, env=live)

    assert (result.exit_code, server.asked) == (2, 0)
    assert "a live secret" in result.stderr
    assert "dinie_cs_live_check" not in result.output


def test_a_risky_setting_is_a_warning(run: Callable[..., Result]) -> None:
    """It is allowed: some networks are closed by other means."""
    result = run("--offline", "--set", "listen.proxy=0.0.0.0:8080")

    assert result.exit_code == 0
    assert "warning: listen.proxy: 0.0.0.0:8080 is reachable" in result.stderr
