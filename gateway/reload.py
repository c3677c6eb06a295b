"""What is read again on SIGHUP and `POST /reload`?"""

import asyncio
from typing import Any

from gateway.secrets.keeper import SecretKeeper
from gateway.server.certificates import Certificates


class Reload:
    """Reads what may change under a running gateway."""

    def __init__(self, secrets: SecretKeeper, certificates: Certificates) -> None:
        self._secrets = secrets
        self._certificates = certificates

    async def __call__(self) -> dict[str, Any]:
        """Read it now; return what changed."""
        changed = await self._secrets.refresh("reload")
        return {
            "secrets": "changed" if changed else "unchanged",
            "certificate": self._certificates.reload(),
        }

    async def when(self, asked: asyncio.Event) -> None:
        """Read it each time that somebody asks, for as long as the gateway runs."""
        while True:
            await asked.wait()
            asked.clear()
            await self()
