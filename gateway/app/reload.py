"""Reads again what may change under a running gateway: SIGHUP and `POST /reload`."""

import asyncio
from typing import Any

from gateway.secrets.watcher import SecretKeeper
from gateway.server.certificates import Certificates


class Reload:
    """Secrets and the listener's certificate."""

    def __init__(self, secrets: SecretKeeper, certificates: Certificates) -> None:
        self._secrets = secrets
        self._certificates = certificates

    async def __call__(self) -> dict[str, Any]:
        """Read them now; return what changed, and why what is there is not used."""
        changed = await self._secrets.refresh("reload")
        done: dict[str, Any] = {
            "secrets": "changed" if changed else "unchanged",
            "certificate": self._certificates.reload(),
        }
        troubles = self._secrets.last_error, self._certificates.trouble
        if faults := [one for one in troubles if one is not None]:
            done["faults"] = faults
        return done

    async def when(self, asked: asyncio.Event) -> None:
        """Read it each time that somebody asks, for as long as the gateway runs."""
        while True:
            await asked.wait()
            asked.clear()
            await self()
