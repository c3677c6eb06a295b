"""A clock whose sleepers wake in their order, when the test moves time on."""

import asyncio


class Timeline:
    """Time that stands still until moved."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self._now

    def unix(self) -> float:
        return 1_790_000_000.0 + self._now - 1000.0

    @property
    def sleepers(self) -> int:
        """Count who sleeps."""
        return sum(not gate.done() for _, gate in self._sleepers)

    async def sleep(self, seconds: float) -> None:
        gate: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self._now + seconds, gate))
        await gate

    async def advance(self, seconds: float) -> None:
        """Move on, waking whoever is due on the way."""
        end = self._now + seconds
        await settle()
        while due := [one for one in self._sleepers if one[0] <= end]:
            first = min(due, key=lambda one: one[0])
            self._sleepers.remove(first)
            if first[1].done():
                continue
            self._now = max(self._now, first[0])
            first[1].set_result(None)
            await settle()
        self._now = end
        await settle()


async def settle() -> None:
    """Let everybody run who can."""
    for _ in range(12):
        await asyncio.sleep(0)
