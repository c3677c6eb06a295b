"""A server whose every byte a test writes by hand."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def close_server(server: asyncio.Server) -> None:
    """Close a server's listening sockets, but not between the two halves of an accept.

    asyncio of Python 3.11 leaves such a connection's transport open. The connections
    are their talks' to end: `wait_closed` of Python 3.12 would wait for each of them.
    """
    # asyncio has no event for the end of an accept.
    while any("accept" in str(x.get_coro()) for x in asyncio.all_tasks()):  # noqa: ASYNC110
        await asyncio.sleep(0)
    server.close()


@asynccontextmanager
async def talking(talk: Talk, host: str = "127.0.0.1") -> AsyncIterator[str]:
    """Serve one connection after another by hand; yield the base URL."""
    talks: list[asyncio.Task[None]] = []

    async def closing(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.append(task)
        try:
            await talk(reader, writer)
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    server = await asyncio.start_server(closing, host, 0)
    port = server.sockets[0].getsockname()[1]
    named = f"[{host}]" if ":" in host else host
    try:
        yield f"http://{named}:{port}/v3"
    finally:
        await close_server(server)
        await asyncio.gather(*talks, return_exceptions=True)
