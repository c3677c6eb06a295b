"""`python -m tests.bench.inbox`: how soon and how often is a webhook acknowledged?

The gateway, its disk included, next to an endpoint that verifies and keeps nothing.
"""

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from statistics import median
from typing import Final

import orjson
import psutil

from gateway.inbox.signature import parse_secret, sign
from tests.bench.processes import ROOT, Server
from tests.bench.processes import WITH_WEBHOOKS as ANNOUNCEMENT
from tests.inbox.scene import SECRET

RATE: Final = 200.0  # deliveries/s
TARGET: Final = 0.050  # s; p99 of the acknowledgement at that rate
_CORES: Final = 2
_CONNECTIONS: Final = 32
_BODY: Final = orjson.dumps(
    {
        "type": "customer.kyc_updated",
        "timestamp": "2026-03-04T14:00:00Z",
        "data": {"id": "cust_1", "status": "under_review", "kyc": ["x" * 40] * 20},
    }
)
_numbers: Iterator[int] = count()


def _request(path: str) -> bytes:
    """Return one signed delivery as bytes on a connection."""
    webhook_id = b"evt_%d" % next(_numbers)
    stamp = b"%d" % time.time()
    head = [
        b"POST " + path.encode() + b" HTTP/1.1",
        b"Host: 127.0.0.1",
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(_BODY),
        b"webhook-id: " + webhook_id,
        b"webhook-timestamp: " + stamp,
        b"webhook-signature: " + sign(parse_secret(SECRET), webhook_id, stamp, _BODY),
    ]
    return b"\r\n".join(head) + b"\r\n\r\n" + _BODY


async def _say(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes
) -> float:
    """Send one delivery; return how long its acknowledgement took, s."""
    began = time.perf_counter()
    writer.write(request)
    answer = await reader.readuntil(b"\r\n\r\n")
    took = time.perf_counter() - began
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise RuntimeError(f"answered {answer[:60]!r}")
    return took


async def _paced(port: int, seconds: float) -> list[float]:
    """Return the latencies of deliveries at a steady rate."""
    free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]
    free = asyncio.Queue()
    for _ in range(_CONNECTIONS):
        free.put_nowait(await asyncio.open_connection("127.0.0.1", port))
    took: list[float] = []

    async def one() -> None:
        connection = await free.get()
        took.append(await _say(*connection, _request("/webhooks/dinie")))
        free.put_nowait(connection)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as tasks:
        for number in range(int(RATE * seconds)):
            wait = began + number / RATE - time.perf_counter()
            if wait > 0:
                await asyncio.sleep(wait)
            tasks.create_task(one())
    while not free.empty():
        free.get_nowait()[1].close()
    return sorted(took)


async def _flat_out(port: int, deliveries: int) -> float:
    """Return the deliveries/s that are acknowledged with all connections busy."""
    requests = [_request("/webhooks/dinie") for _ in range(deliveries)]

    async def worker() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while requests:
            await _say(reader, writer, requests.pop())
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(worker() for _ in range(_CONNECTIONS)))
    return deliveries / (time.perf_counter() - began)


def _gateway(folder: Path, hook: int | None) -> Server:
    subscribers = []
    if hook is not None:
        url = f"http://127.0.0.1:{hook}/hook"
        subscribers = [{"name": "hook", "url": url, "events": ["*"]}]
    name = "inbox" if hook is None else "inbox-hooked"
    server = Server(
        name,
        ["-m", "gateway", "serve"],
        folder,
        announcement=ANNOUNCEMENT,
        settings={
            "DINIE_ENV": "local",
            "DINIE_CLIENT_ID": "dinie_ci_test_x",
            "DINIE_CLIENT_SECRET": "dinie_cs_test_x",
            "DINIE_WEBHOOK_SECRET": SECRET,
            "GATEWAY_CONFIG_DIR": str(ROOT / "config"),
            "GATEWAY__LISTEN__PROXY": "off",
            "GATEWAY__LISTEN__ADMIN": "127.0.0.1:0",
            "GATEWAY__LISTEN__WEBHOOKS": "127.0.0.1:0",
            "GATEWAY__STORAGE__SQLITE_PATH": str(folder / name / "gateway.db"),
            "GATEWAY__WEBHOOKS__SUBSCRIBERS": orjson.dumps(subscribers).decode(),
            "GATEWAY__DRAIN__ACCEPT": "0",
        },
    )
    server.ready_path = "/livez"
    return server


def _on_two_cores(*servers: Server) -> None:
    cores = psutil.Process().cpu_affinity()[:_CORES]
    for server in servers:
        psutil.Process(server.pid).cpu_affinity(cores)


def measure(folder: Path, *, seconds: float, deliveries: int, rounds: int) -> bool:
    """Print what was measured; return whether the target is met."""
    with (
        Server("verifier", ["-m", "tests.bench.verifier", SECRET], folder) as verifier,
    ):
        verifier.ready_path = "/hook"
        verifier.started()
        with _gateway(folder, verifier.port) as hooked, _gateway(folder, None) as plain:
            hooked.started()
            plain.started()
            _on_two_cores(hooked, plain, verifier)
            took = asyncio.run(_paced(hooked.port, seconds))
            rates: dict[str, list[float]] = {"gateway": [], "verifier": []}
            ports = {"gateway": plain.port, "verifier": verifier.port}
            for _ in range(rounds + 1):
                for name, port in ports.items():
                    rates[name].append(asyncio.run(_flat_out(port, deliveries)))
    p50, p99 = took[len(took) // 2], took[int(len(took) * 0.99)]
    print(
        f"acknowledged at {RATE:.0f}/s, disk and one subscriber included: "
        f"p50 {p50 * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms "
        f"(target p99 < {TARGET * 1000:.0f} ms, {_CORES} cores)"
    )
    pairs = list(zip(rates["gateway"], rates["verifier"], strict=True))[1:]
    ratio = median(ours / theirs for ours, theirs in pairs)
    print(
        f"flat out: gateway {median(one for one, _ in pairs):.0f}/s, verify only "
        f"{median(one for _, one in pairs):.0f}/s, gateway / verify only = {ratio:.2f} "
        f"(median of {rounds} rounds of {deliveries})"
    )
    return p99 < TARGET


def main() -> int:
    """Measure and print; 1 with `--gate` where the target is not met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.inbox")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--gate", action="store_true")
    given = parser.parse_args()
    seconds, deliveries, rounds = (3.0, 1000, 3) if given.quick else (10.0, 3000, 7)
    with tempfile.TemporaryDirectory(prefix="dinie-bench-") as folder:
        met = measure(
            Path(folder), seconds=seconds, deliveries=deliveries, rounds=rounds
        )
    return 1 if given.gate and not met else 0


if __name__ == "__main__":
    sys.exit(main())
