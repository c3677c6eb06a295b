"""`dinie-gateway demo`: the gateway and Dinie in a box, on loopback."""

import re
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import orjson
import pytest

pytestmark = pytest.mark.e2e
COMMAND = [sys.executable, "-m", "gateway", "demo"]


def test_the_tour_shows_one_customer_behind_four_faults(tmp_path: Path) -> None:
    """The first thing that anybody runs works, from any folder."""
    ended = subprocess.run(  # noqa: S603 - our own command
        [*COMMAND, "--once"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert "X-Gateway-Attempts: 5\n" in ended.stdout
    assert "Customers at Dinie: 1; side effects of the key: 1." in ended.stdout
    assert ended.stdout.endswith("One call, one customer.\n")


def webhooks_of(customers: str, body: str, inbox: str) -> list[dict[str, Any]]:
    """Create the customer of the pasted line; return the webhooks that come of it."""
    request = urllib.request.Request(  # noqa: S310
        customers, body.encode(), {"Content-Type": "application/json"}
    )
    urllib.request.urlopen(request, timeout=5).close()  # noqa: S310
    until = time.monotonic() + 20
    came: list[dict[str, Any]] = []
    while not came and time.monotonic() < until:
        time.sleep(0.05)
        with urllib.request.urlopen(inbox, timeout=5) as response:  # noqa: S310
            came = orjson.loads(response.read())["data"]
    return came


def test_the_demo_runs_until_ctrl_c(tmp_path: Path) -> None:
    """The commands that it prints work."""
    with subprocess.Popen(  # noqa: S603 - our own command
        COMMAND, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            text = ""
            while "Ctrl-C ends it" not in text:
                line = process.stdout.readline()
                assert line, text
                text += line
            [metrics] = re.findall(r"http://\S+/metrics", text)
            with urllib.request.urlopen(metrics, timeout=5) as response:  # noqa: S310
                status = response.status
            [inbox] = re.findall(r"http://\S+/inbox", text)
            [customers] = set(re.findall(r"http://\S+/v3/customers", text))
            [body] = re.findall(r"-d '(\{.*\})'", text)
            came = webhooks_of(customers, body, inbox)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=20)
        finally:
            process.kill()

    assert (status, process.returncode) == (200, 0)
    assert came[-1]["event_type"] == "customer.created"
