"""`dinie-gateway wait`: block until the gateway on this host is ready."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import ThreadingUnixStreamServer

import pytest
from click.testing import CliRunner, Result

from gateway.cli import cli


@contextmanager
def admin(*statuses: int) -> Iterator[int]:
    """Respond with each status in turn, the last one for ever; yield the port."""
    left = list(statuses)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(left.pop(0) if len(left) > 1 else left[0])
            self.end_headers()
            self.wfile.write(b'{"checks":"token"}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            del format, args

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Ready(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        del format, args


@pytest.fixture(autouse=True)
def _here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DINIE_ENV", "local")


def wait(address: str, timeout: float = 5.0) -> Result:
    arguments = ["--timeout", str(timeout), "--set", f"listen.admin={address}"]
    return CliRunner().invoke(cli, ["wait", *arguments])


@pytest.mark.parametrize(
    "statuses",
    [pytest.param((200,), id="at-once"), pytest.param((503, 200), id="soon")],
)
def test_it_ends_when_the_gateway_is_ready(statuses: tuple[int, ...]) -> None:
    """A start script goes on at the right moment."""
    with admin(*statuses) as port:
        result = wait(f"127.0.0.1:{port}")

    assert (result.exit_code, result.output) == (0, f"ready at 127.0.0.1:{port}\n")


def test_a_unix_socket_is_asked_as_well(tmp_path: Path) -> None:
    """Pods share a folder where they share no port."""

    class Server(ThreadingUnixStreamServer):
        def get_request(self) -> tuple[socket.socket, object]:
            connection, _ = super().get_request()
            return connection, ("unix", 0)

    path = tmp_path / "a"
    with Server(str(path), Ready) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        result = wait(f"unix:{path}")
        server.shutdown()
        thread.join()

    assert (result.exit_code, result.output) == (0, f"ready at unix:{path}\n")


def test_it_gives_up_and_says_what_it_saw() -> None:
    """The failing check is in the output."""
    with admin(503) as port:
        result = wait(f"127.0.0.1:{port}", 0.1)

    assert result.exit_code == 1
    assert result.output == 'not ready after 0.1 s: {"checks":"token"}\n'


def test_nobody_listening_is_told() -> None:
    """The gateway was never started."""
    with admin(200) as port:
        pass

    result = wait(f"127.0.0.1:{port}", 0.1)

    assert result.exit_code == 1
    assert "ConnectionRefusedError" in result.output


@pytest.mark.parametrize(
    ("address", "said"),
    [
        pytest.param("off", "needs listen.admin as host:port", id="off"),
        pytest.param("127.0.0.1:0", "needs listen.admin as host", id="any-port"),
        pytest.param("nonsense", "listen.admin", id="faulty"),
    ],
)
def test_an_address_that_cannot_be_asked_is_exit_2(address: str, said: str) -> None:
    """Waiting for ever would be no help."""
    result = wait(address)

    assert result.exit_code == 2
    assert said in result.output
