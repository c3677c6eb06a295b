"""What answers the bench? An upstream so cheap that it is not what is measured.

Run as a process: announces its port on stderr, answers token calls and everything else
from prepared bytes, until it is ended.
"""

import asyncio
import sys
import time
from typing import cast

import orjson
import uvloop

_LIMIT = 1_000_000  # requests per window: plenty
_WINDOW = 600.0  # s
_HEAD_END = b"\r\n\r\n"
_LENGTH = b"content-length:"
_TOKEN = orjson.dumps(
    {"access_token": "dinie_at_bench", "token_type": "bearer", "expires_in": 3600}
)
_CUSTOMER = orjson.dumps(
    {
        "id": "cust_01hx5yq3v5k8t9m2n4p6r8s0w1",
        "status": "active",
        "external_id": "merchant-000184467",
        "document": {"type": "cnpj", "masked": "**.***.***/0001-**"},
        "created_at": 1_767_225_600,
        "updated_at": 1_767_229_200,
        "credit_offers": [
            {
                "id": f"offer_01hx5yq3v5k8t9m2n4p6r8s0w{number}",
                "status": "available",
                "maximum_amount": 5_000_000,
                "installments": [3, 6, 12, 18, 24],
                "monthly_rate": "0.0299",
            }
            for number in range(2)
        ],
        "links": {"self": "/v3/customers/cust_01hx5yq3v5k8t9m2n4p6r8s0w1"},
    }
)


class Quota:
    """A window of a quota that is never short, as answers tell it."""

    def __init__(self) -> None:
        self._left = 0
        self._ends = 0.0

    def head(self) -> bytes:
        """Take one request from the quota; return the head of its answer."""
        now = time.time()
        if now >= self._ends or not self._left:
            self._left, self._ends = _LIMIT, now + _WINDOW
            self._date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
        self._left -= 1
        return (
            "HTTP/1.1 200 OK\r\n"
            f"Date: {self._date}\r\n"
            "Content-Type: application/json; charset=utf-8\r\n"
            f"Content-Length: {len(_CUSTOMER)}\r\n"
            f"X-Request-Id: req_{self._left:026x}\r\n"
            f"X-RateLimit-Limit: {_LIMIT}\r\n"
            f"X-RateLimit-Remaining: {self._left}\r\n"
            f"X-RateLimit-Reset: {int(self._ends)}\r\n\r\n"
        ).encode()


class Answering(asyncio.Protocol):
    """One connection; requests with a body announce its length."""

    def __init__(self, quota: Quota) -> None:
        self._quota = quota
        self._seen = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none

    def data_received(self, data: bytes) -> None:
        self._seen += data
        while (end := self._end()) is not None:
            target = self._seen[: self._seen.find(b"\r")]
            self._seen = self._seen[end:]
            self._transport.write(self._answer(target))

    def _end(self) -> int | None:
        """Return where the first request ends; None: not here yet."""
        head = self._seen.find(_HEAD_END)
        if head < 0:
            return None
        end = head + len(_HEAD_END)
        lowered = self._seen[:head].lower()
        found = lowered.find(_LENGTH)
        if found >= 0:
            end += int(lowered[found + len(_LENGTH) :].split(b"\r", 1)[0])
        return end if len(self._seen) >= end else None

    def _answer(self, request_line: bytes) -> bytes:
        if b"/auth/token" not in request_line:
            return self._quota.head() + _CUSTOMER
        return (
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(_TOKEN), _TOKEN)
        )


async def _serve() -> None:
    quota = Quota()
    server = await asyncio.get_running_loop().create_server(
        lambda: Answering(quota), "127.0.0.1", 0, backlog=1024
    )
    port = server.sockets[0].getsockname()[1]
    print(f"listening on 127.0.0.1:{port}", file=sys.stderr, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(_serve())
