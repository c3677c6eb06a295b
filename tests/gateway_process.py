"""A real gateway process for a test: started, watched, and ended by SIGTERM."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import orjson

from tests.upstreams import ScriptedUpstream, running_upstream

CLIENT_ID = "dinie_ci_test_x"
CLIENT_SECRET = "dinie_cs_test_x"
_PATIENCE = 30.0  # s; a gateway that needs longer has failed
_LOOK = 0.01  # s
_ANNOUNCEMENT = re.compile(
    r"^dinie-gateway: proxy on (?:127\.0\.0\.1:(\d+)|unix:\S+), "
    r"admin on 127\.0\.0\.1:(\d+)"
    r"(?:, webhooks on 127\.0\.0\.1:(\d+))?$",
    re.MULTILINE,
)
_ROOT = Path(__file__).resolve().parents[1]

# Faults must not wait, and no test may drain another's retry budget or open the
# circuit for it.
SWIFT: Mapping[str, str] = {
    "GATEWAY__RETRY__BASE": "0.001",
    "GATEWAY__RETRY__BUDGET_BURST": "1000000",
    "GATEWAY__BREAKER__ENABLED": "false",
    "GATEWAY__DRAIN__ACCEPT": "0",
    "GATEWAY__IDEMPOTENCY__DURABLE": "false",
    "GATEWAY__LISTEN__HOSTS": '["gateway.test", "a", "b"]',
}


class GatewayProcess:
    """`python -m gateway serve` on loopback, on ports of the system's choice."""

    def __init__(
        self, base_url: str, folder: Path, settings: Mapping[str, str] | None = None
    ) -> None:
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": str(_ROOT),
            "DINIE_ENV": "local",
            "DINIE_CLIENT_ID": CLIENT_ID,
            "DINIE_CLIENT_SECRET": CLIENT_SECRET,
            "GATEWAY_CONFIG_DIR": str(_ROOT / "config"),
            "GATEWAY__UPSTREAM__BASE_URL": base_url,
            "GATEWAY__LISTEN__PROXY": "127.0.0.1:0",
            "GATEWAY__LISTEN__ADMIN": "127.0.0.1:0",
            **SWIFT,
            **(settings or {}),
        }
        folder.mkdir(parents=True, exist_ok=True)
        self._paths = (folder / "stdout", folder / "stderr")
        with self._paths[0].open("wb") as out, self._paths[1].open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "gateway", "serve"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=folder,
            )
        self.port = self.admin_port = self.webhook_port = 0

    @property
    def output(self) -> str:
        """Return everything the process has written, both streams."""
        return "".join(path.read_text(errors="replace") for path in self._paths)

    @property
    def log(self) -> list[dict[str, object]]:
        """Return the lines of the log."""
        lines = self._paths[0].read_text().splitlines()
        return [orjson.loads(line) for line in lines if line.startswith("{")]

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    def admin(self, path: str, method: str = "GET") -> tuple[int, str]:
        """Ask the admin listener; return status and body."""
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.admin_port, timeout=_PATIENCE
        )
        try:
            connection.request(method, path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def wait_ready(self, *, ready: bool = True) -> None:
        """Block until the sockets listen and, unless told otherwise, it is ready."""
        self._await(self._announced, "does not listen")
        if ready:
            self._await(lambda: self.admin("/readyz")[0] == 200, "is not ready")

    def _announced(self) -> bool:
        said = _ANNOUNCEMENT.search(self._paths[1].read_text())
        if said is not None:
            self.port, self.admin_port = int(said[1] or 0), int(said[2])
            self.webhook_port = int(said[3] or 0)
        return said is not None

    def _await(self, look: Callable[[], bool], failure: str) -> None:
        give_up = time.monotonic() + _PATIENCE
        while not look():
            assert self.alive, f"the gateway ended:\n{self.output[-4000:]}"
            late = time.monotonic() > give_up
            assert not late, f"the gateway {failure}:\n{self.output[-4000:]}"
            time.sleep(_LOOK)

    def stop(self) -> str:
        """End it as an orchestrator does; return its output.

        Raises:
            AssertionError: it does not exit with 0, or it left a traceback.
        """
        if self.alive:
            self.process.send_signal(signal.SIGTERM)
        return self.ended()

    def ended(self) -> str:
        """Wait for the end that was asked for; return the output."""
        try:
            code = self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            code = -9
        output = self.output
        assert code == 0, f"exit code {code}:\n{output[-4000:]}"
        for sign in ("Traceback", "never retrieved", "never awaited", "Unclosed"):
            assert sign not in output, f"{sign!r} in the output:\n{output[-4000:]}"
        return output


@contextmanager
def running_gateway(
    base_url: str, folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[GatewayProcess]:
    """Yield a ready gateway; end it by SIGTERM and look at what it left behind."""
    gateway = GatewayProcess(base_url, folder, settings)
    try:
        gateway.wait_ready()
        yield gateway
    except BaseException:
        gateway.process.kill()
        gateway.process.wait()
        raise
    gateway.stop()


@dataclass(frozen=True, slots=True)
class Live:
    """A gateway, what it forwards to, and a host it must never talk to."""

    gateway: GatewayProcess
    upstream: ScriptedUpstream
    evil: ScriptedUpstream

    @property
    def port(self) -> int:
        return self.gateway.port

    def reset(self) -> None:
        """Make ready for the next test."""
        self.upstream.reset()
        self.evil.reset()


@contextmanager
def running_live(
    folder: Path, settings: Mapping[str, str] | None = None
) -> Iterator[Live]:
    """Yield a gateway in front of a scripted upstream, and a bystander."""
    with (
        running_upstream() as upstream,
        running_upstream() as evil,
        running_gateway(upstream.base_url, folder, settings) as gateway,
    ):
        yield Live(gateway, upstream, evil)
