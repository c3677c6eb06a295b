"""How fast is it answered? A load generator on raw sockets, in a process of its own.

Takes orders from stdin, one JSON object a line, and prints one JSON object for each:
connections that are kept alive, each with one request on its way at any time.
"""

import asyncio
import sys
import time
from collections.abc import Iterator
from typing import Any, cast

import orjson
import uvloop

_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_GOOD = b"HTTP/1.1 200 "
_PATIENCE = 60.0  # s for one order
_BODY = orjson.dumps(
    {
        "external_id": "merchant-000184467",
        "legal_name": "Padaria Estrela da Manha Ltda",
        "cnpj": "00.000.000/0001-00",
        "contact": {"email": "someone@example.com", "phone": "+5511900000000"},
        "address": {"street": "Rua das Flores", "number": "100", "city": "Sao Paulo"},
        "monthly_revenue": 12_500_000,
        "terms_accepted_at": 1_767_225_600,
    }
)
_COMMON = (
    "Host: 127.0.0.1\r\n"
    "User-Agent: dinie-bench/1\r\n"
    "Accept: application/json\r\n"
    "Accept-Encoding: gzip, deflate\r\n"
    "Authorization: Bearer gw_0123456789abcdef0123456789abcdef\r\n"
)
_POSTED = f"{_COMMON}Content-Type: application/json\r\nContent-Length: {len(_BODY)}\r\n"


def request(number: int) -> bytes:
    """Return the request of a number: three GETs, two POSTs, and again.

    Ids are as in real traffic: hardly ever the same twice.
    """
    unique = f"{number:026x}"
    match number % 5:
        case 0:
            text = f"GET /v3/customers/cust_{unique} HTTP/1.1\r\n{_COMMON}\r\n"
        case 1:
            text = f"GET /v3/loans/loan_{unique}?expand=1 HTTP/1.1\r\n{_COMMON}\r\n"
        case 2:
            text = f"GET /v3/banks HTTP/1.1\r\n{_COMMON}\r\n"
        case 3:
            text = f"POST /v3/customers HTTP/1.1\r\n{_POSTED}\r\n"
        case _:
            text = (
                f"POST /v3/credit-offers/offer_{unique}/simulations HTTP/1.1\r\n"
                f"{_POSTED}Idempotency-Key: bench-{unique}\r\n\r\n"
            )
    return text.encode() + (_BODY if text.startswith("POST") else b"")


class Caller(asyncio.Protocol):
    """One connection: sends a request, times its answer, sends the next."""

    def __init__(self, requests: Iterator[bytes], took: list[float]) -> None:
        self._requests = requests
        self._took = took
        self._seen = b""
        self._end = 0  # of the answer; 0 until its head is here
        self._sent_at = 0.0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none
        self._next()

    def data_received(self, data: bytes) -> None:
        self._seen += data
        if not self._end and (head := self._seen.find(_HEAD_END)) >= 0:
            lowered = self._seen[:head].lower()
            found = lowered.find(_LENGTH)
            if found < 0 or not self._seen.startswith(_GOOD):
                self._fail(self._seen[:400].decode("latin-1"))
                return
            length = int(lowered[found + len(_LENGTH) :].split(b"\r", 1)[0])
            self._end = head + len(_HEAD_END) + length
        if self._end and len(self._seen) >= self._end:
            self._took.append(time.perf_counter() - self._sent_at)
            self._seen, self._end = self._seen[self._end :], 0
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was closed: {exc}")

    def _next(self) -> None:
        message = next(self._requests, None)
        if message is None:
            if not self.done.done():
                self.done.set_result(None)
            self._transport.close()
            return
        self._sent_at = time.perf_counter()
        self._transport.write(message)

    def _fail(self, reason: str) -> None:
        if not self.done.done():
            self.done.set_exception(RuntimeError(reason))
            self._transport.close()


async def drive(port: int, first: int, count: int, connections: int) -> dict[str, Any]:
    """Send `count` requests, numbered from `first`; return what was seen."""
    prepared = iter([request(number) for number in range(first, first + count)])
    took: list[float] = []
    loop = asyncio.get_running_loop()
    began = time.perf_counter()
    async with asyncio.timeout(_PATIENCE):
        made = [
            await loop.create_connection(
                lambda: Caller(prepared, took), "127.0.0.1", port
            )
            for _ in range(connections)
        ]
        await asyncio.gather(*(caller.done for _, caller in made))
    seconds = time.perf_counter() - began
    took.sort()
    return {
        "seconds": seconds,
        "answered": len(took),
        "p50": took[len(took) // 2],
        "p99": took[len(took) * 99 // 100],
    }


def main() -> None:
    """Follow orders until stdin ends."""
    for line in sys.stdin:
        try:
            told = uvloop.run(drive(**orjson.loads(line)))
        except (RuntimeError, OSError, TimeoutError) as error:
            told = {"failure": f"{type(error).__name__}: {error}"}
        print(orjson.dumps(told).decode(), flush=True)


if __name__ == "__main__":
    main()
