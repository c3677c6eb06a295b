"""How are the processes of a bench started, looked at and ended?"""

import http.client
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson
import psutil

ROOT = Path(__file__).resolve().parents[2]
_PATIENCE = 30.0  # s; what needs longer to start or to stop has failed
_LOOK = 0.002  # s between looks at a process that starts
_LISTENING = re.compile(r"^listening on 127\.0\.0\.1:(\d+)$", re.MULTILINE)
_ANNOUNCEMENT = re.compile(
    r"^dinie-gateway: proxy on 127\.0\.0\.1:(\d+), admin on 127\.0\.0\.1:(\d+)$",
    re.MULTILINE,
)
# Its webhooks first: they are what is measured; the admin listener is asked for life.
WITH_WEBHOOKS = re.compile(
    r"^dinie-gateway: proxy on off, "
    r"(?=.*webhooks on 127\.0\.0\.1:(\d+)$)admin on 127\.0\.0\.1:(\d+)",
    re.MULTILINE,
)
_NANOSECONDS = 1e9


class Server:
    """A server in a process of its own; its output goes to files."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        folder: Path,
        *,
        source: Path = ROOT,
        settings: Mapping[str, str] | None = None,
        announcement: re.Pattern[str] = _LISTENING,
    ) -> None:
        """Start it.

        Args:
            name: Of its output files.
            arguments: To the interpreter.
            folder: Where it runs and its output goes.
            source: The tree that it is imported from.
            settings: Further environment variables.
            announcement: What it says on stderr once it listens; group 1 is its port.
        """
        self.name = name
        self._announcement = announcement
        self._error = folder / f"{name}.err"
        environment = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(source),
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            **(settings or {}),
        }
        with (folder / f"{name}.out").open("wb") as out, self._error.open("wb") as err:
            self._began = time.perf_counter()
            self._process = subprocess.Popen(  # noqa: S603 - a command of ours
                [sys.executable, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
                cwd=folder,
            )
        self.port = self.ready_port = 0
        self.ready_path = "/"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def started(self) -> float:
        """Wait until it answers; return how long that took from its start, s."""
        while (said := self._announcement.search(self._error.read_text())) is None:
            self._wait()
        ports = [int(port) for port in said.groups()]
        self.port, self.ready_port = ports[0], ports[-1]
        while not self._answers():
            self._wait()
        return time.perf_counter() - self._began

    @property
    def pid(self) -> int:
        """Return the id of its process."""
        return self._process.pid

    def cpu(self) -> float:
        """Return the CPU time, user and system, that it has used so far, s."""
        try:
            tasks = list(Path(f"/proc/{self._process.pid}/task").iterdir())
            spent = [(task / "schedstat").read_text().split()[0] for task in tasks]
            if tasks:
                return sum(map(int, spent)) / _NANOSECONDS
        except (OSError, IndexError):
            pass
        # Elsewhere than on Linux; in steps of 10 ms there.
        times = psutil.Process(self._process.pid).cpu_times()
        return float(times.user + times.system)

    def memory(self) -> int:
        """Return its resident memory, bytes."""
        return int(psutil.Process(self._process.pid).memory_info().rss)

    def stop(self) -> None:
        """End it as an orchestrator does."""
        self._process.terminate()
        try:
            self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(
            "127.0.0.1", self.ready_port, timeout=_PATIENCE
        )
        try:
            connection.request("GET", self.ready_path)
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _wait(self) -> None:
        late = time.perf_counter() - self._began > _PATIENCE
        if late or self._process.poll() is not None:
            self.stop()
            raise RuntimeError(
                f"{self.name} does not start:\n{self._error.read_text()[-2000:]}"
            )
        time.sleep(_LOOK)


def upstream(folder: Path) -> Server:
    """Start what answers."""
    return Server("upstream", ["-m", "tests.bench.upstream"], folder)


def bare(folder: Path, origin: str) -> Server:
    """Start the pass-through in front of an origin."""
    return Server("bare", ["-m", "tests.bench.bare", origin], folder)


def gateway(
    folder: Path,
    origin: str,
    *,
    name: str = "gateway",
    source: Path = ROOT,
    runner: Sequence[str] = (),
    durable: bool = False,
) -> Server:
    """Start a gateway in front of an origin, with everything on but the disk.

    Args:
        folder: For its output.
        origin: Of the upstream.
        name: Of its output files.
        source: The tree that it is imported from.
        runner: Arguments to the interpreter before `-m gateway`.
        durable: Whether POSTs are written down before they are sent.
    """
    server = Server(
        name,
        [*runner, "-m", "gateway", "serve"],
        folder,
        source=source,
        announcement=_ANNOUNCEMENT,
        settings={
            "DINIE_ENV": "local",
            "DINIE_CLIENT_ID": "dinie_ci_test_x",
            "DINIE_CLIENT_SECRET": "dinie_cs_test_x",
            "GATEWAY_CONFIG_DIR": str(source / "config"),
            "GATEWAY__UPSTREAM__BASE_URL": f"{origin}/v3",
            "GATEWAY__LISTEN__PROXY": "127.0.0.1:0",
            "GATEWAY__LISTEN__ADMIN": "127.0.0.1:0",
            "GATEWAY__DRAIN__ACCEPT": "0",  # nobody waits for a bench to drain
            "GATEWAY__IDEMPOTENCY__DURABLE": str(durable).lower(),
            "GATEWAY__STORAGE__SQLITE_PATH": str(folder / name / "gateway.db"),
        },
    )
    server.ready_path = "/readyz"
    return server


class Load:
    """The load generator's process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.load"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
        )
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate()

    def drive(self, port: int, count: int, connections: int) -> dict[str, Any]:
        """Send requests that nobody sent before; return what the generator saw.

        Raises:
            RuntimeError: not every request was answered with 200.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "port": port,
            "first": self._sent,
            "count": count,
            "connections": connections,
        }
        self._sent += count
        self._process.stdin.write(orjson.dumps(order) + b"\n")
        self._process.stdin.flush()
        told: dict[str, Any] = orjson.loads(self._process.stdout.readline())
        if told.get("answered") != count:
            raise RuntimeError(f"the load failed: {told}")
        return told
