"""`dinie-gateway rotate` as a process, between a Vault and a Dinie that can kill it."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from gateway.simulator.server import Simulator, SimulatorOptions
from tests.vault.fake import PATH, FakeVault, running_vault

ROOT = Path(__file__).resolve().parents[2]
TOKEN = "hvs.rotation"
OLD = ("dinie_ci_test_old", "dinie_cs_test_old")
SWIFT = {"canary": "0", "soak": "0", "idle": "0", "lock_ttl": "0.3"}


class Rotating:
    """The two worlds, and how often the command wrote into them."""

    def __init__(self, vault: FakeVault, dinie: Simulator, port: int) -> None:
        self.vault = vault
        self.dinie = dinie
        self.base_url = f"http://127.0.0.1:{port}/v3"
        self.writes = 0
        self.kill_at = 0
        self.process: asyncio.subprocess.Process | None = None
        vault.after_write = self._written
        answer = dinie._answer

        async def counted(asked: Any, *rest: Any) -> Any:
            said = await answer(asked, *rest)
            if asked.path.startswith("/auth/credentials") and asked.method != "GET":
                self._written()
            return said

        dinie._answer = counted  # type: ignore[method-assign, assignment]

    def _written(self) -> None:
        """Count what has taken effect and was not answered yet."""
        self.writes += 1
        if self.writes == self.kill_at and self.process is not None:
            self.process.kill()

    @property
    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            "DINIE_ENV": "local",
            "GATEWAY_CONFIG_DIR": str(ROOT / "config"),
            "GATEWAY__UPSTREAM__BASE_URL": self.base_url,
            "GATEWAY__SECRETS__PROVIDER": "vault",
            "VAULT_ADDR": self.vault.address,
            "VAULT_TOKEN": TOKEN,
        }

    def approle(self, folder: Path) -> dict[str, str]:
        """Return the settings of a login by AppRole, whose files are in a folder."""
        role, secret = folder / "role_id", folder / "secret_id"
        role.write_text(self.vault.role[0])
        secret.write_text(self.vault.role[1])
        return {
            "GATEWAY__SECRETS__VAULT__AUTH__METHOD": "approle",
            "GATEWAY__SECRETS__VAULT__AUTH__ROLE_ID_FILE": str(role),
            "GATEWAY__SECRETS__VAULT__AUTH__SECRET_ID_FILE": str(secret),
        }

    async def rotate(self, *arguments: str, **spans: str) -> tuple[int, str]:
        """Run the command; return its exit code and everything it said."""
        options = [
            word
            for name, value in {**SWIFT, **spans}.items()
            for word in ("--set", f"rotation.{name}={value}")
        ]
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            "rotate",
            *arguments,
            *options,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=self.environment,
        )
        said, _ = await asyncio.wait_for(self.process.communicate(), 60)
        return int(self.process.returncode or 0), said.decode()

    @property
    def secret(self) -> dict[str, str]:
        return dict(self.vault.versions[-1]["data"])

    @property
    def state(self) -> dict[str, str]:
        return dict(self.vault.kv.secrets[f"{PATH}-rotation"][-1]["data"])

    def effects(self) -> list[str]:
        """Return what was created and revoked at Dinie, in order."""
        return [
            entry.method
            for entry in self.dinie.journal
            if entry.target.startswith("/v3/auth/credentials")
            and entry.method != "GET"
            and (entry.executed or (entry.method, entry.status) == ("DELETE", 204))
        ]


@asynccontextmanager
async def rotating(**options: Any) -> AsyncIterator[Rotating]:
    """Run a Vault and a Dinie that know one credential."""
    dinie = Simulator(
        SimulatorOptions(client_id=OLD[0], client_secret=OLD[1], **options)
    )
    port = await dinie.start()
    try:
        async with running_vault() as vault:
            vault.grant(TOKEN)
            vault.put(client_id=OLD[0], client_secret=OLD[1], webhook_secret="whsec_a")
            yield Rotating(vault, dinie, port)
    finally:
        await dinie.stop()
