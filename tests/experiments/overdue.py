"""By how much are deadlines overshot, for real, under load and a Dinie that hangs?"""

import asyncio
import random
from contextlib import suppress

from aiohttp import ClientError, ClientSession, ClientTimeout, TCPConnector

from tests.inprocess import running_stack

_LONGEST = 3.0  # s that a caller gives
_SHORTEST = 0.5  # s


async def _hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read whatever comes, and answer nothing but token calls."""
    with suppress(OSError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        if b"/auth/token" in head:
            body = b'{"access_token":"t","token_type":"bearer","expires_in":3600}'
            writer.write(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
            )
        await reader.read()
    writer.close()


async def overdue(*, count: int, rate: float, seed: int = 1) -> list[float]:
    """Return by how much each answer came after its caller's deadline, s, sorted."""
    dice = random.Random(seed)
    loop = asyncio.get_running_loop()
    server = await asyncio.start_server(_hang, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    over: list[float] = []

    async def one(session: ClientSession, url: str) -> None:
        budget = dice.uniform(_SHORTEST, _LONGEST)
        headers = {"X-Request-Timeout-Ms": str(int(budget * 1000))}
        came = loop.time()
        with suppress(ClientError, OSError, TimeoutError):
            async with session.get(url, headers=headers) as answer:
                await answer.read()
        over.append(loop.time() - came - budget)

    try:
        async with (
            running_stack(f"http://127.0.0.1:{port}/v3") as stack,
            ClientSession(
                connector=TCPConnector(limit=count), timeout=ClientTimeout(total=30)
            ) as session,
            asyncio.TaskGroup() as group,
        ):
            url = f"http://{stack.running.proxy}/v3/banks"
            for _ in range(count):
                group.create_task(one(session, url))
                await asyncio.sleep(1 / rate)
    finally:
        server.close()
    return sorted(over)
