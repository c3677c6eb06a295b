"""Reads again what may change under a running gateway (SIGHUP and `POST /reload`)."""

import asyncio
from typing import Any

from gateway.secrets.watcher import SecretWatcher
from gateway.server.certificates import Certificates


class Reload:
    """Reads the secrets and the proxy listener's certificate again."""

    def __init__(self, secrets: SecretWatcher, certificates: Certificates) -> None:
        self._secrets = secrets
        self._certificates = certificates

    async def __call__(self) -> dict[str, Any]:
        """Read both now; return what changed, and why a newer one is not used."""
        changed = await self._secrets.refresh("reload")
        done: dict[str, Any] = {
            "secrets": "changed" if changed else "unchanged",
            "certificate": self._certificates.reload(),
        }
        reasons = self._secrets.last_error, self._certificates.trouble
        if faults := [one for one in reasons if one is not None]:
            done["faults"] = faults
        return done

    async def run(self, requested: asyncio.Event) -> None:
        """Read both each time the event is set, for as long as the gateway runs."""
        while True:
            await requested.wait()
            requested.clear()
            await self()
