"""A Vault on loopback that answers as a real one was observed to."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

Handler = Callable[[web.Request], web.StreamResponse]
DENIED = "1 error occurred:\n\t* permission denied\n\n"


def errors(status: int, *texts: str, **extra: Any) -> web.Response:
    """Return a refusal in Vault's form; hvac wants its type without a charset."""
    return web.Response(
        body=json.dumps({"errors": list(texts), **extra}).encode(),
        status=status,
        headers={"Content-Type": "application/json"},
    )


def envelope(data: Any = None, auth: Any = None) -> dict[str, Any]:
    """Return what surrounds every answer."""
    return {
        "request_id": "8f2a1c9e-0000-4000-8000-000000000000",
        "lease_id": "",
        "renewable": False,
        "lease_duration": 0,
        "data": data,
        "wrap_info": None,
        "warnings": None,
        "auth": auth,
        "mount_type": "kv",
    }


class FakeVault:
    """KV v2 at `secret`, KV v1 at `kv1`, AppRole at `approle`; tokens with a lease."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.ttl = 3600
        self.renewed_ttl: int | None = None  # what a renewal grants; None: as asked
        self.role = ("role-1", "secret-id-1")
        self.secret_id_uses: int | None = None
        self.versions: list[dict[str, Any]] = []
        self.flat: dict[str, Any] | None = None
        self.sealed = False
        self.delay = 0.0  # s before each answer
        self.hidden: set[str] = set()  # denied: "metadata", "data", "lookup-self" …
        self.canned: Callable[[], web.StreamResponse] | None = None
        self.calls: list[str] = []
        self.headers: list[Mapping[str, str]] = []
        self.address = ""
        self._issued = 0

    def grant(self, name: str, *, ttl: int = 0, renewable: bool = True) -> str:
        """Make a token known."""
        self.tokens[name] = {"ttl": ttl, "renewable": renewable}
        return name

    def put(self, **fields: Any) -> None:
        """Write a new version of the secret."""
        number = len(self.versions) + 1
        self.versions.append(
            {
                "data": dict(fields),
                "metadata": {
                    "created_time": f"2026-11-23T10:00:{number:02}.123456789Z",
                    "custom_metadata": None,
                    "deletion_time": "",
                    "destroyed": False,
                    "version": number,
                },
            }
        )

    def delete_newest(self) -> None:
        """Delete the newest version, so that it can still be undeleted."""
        self.versions[-1]["metadata"]["deletion_time"] = "2026-11-23T11:00:00.1Z"

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        self.calls.append(f"{request.method} {request.path.removeprefix('/v1/')}")
        self.headers.append(dict(request.headers))
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.canned is not None:
            return self.canned()
        if self.sealed:
            return errors(503, "error performing token check: Vault is sealed")
        if request.path.endswith("/login"):
            return self._log_in(request.path, await request.json())
        token = request.headers.get("X-Vault-Token", "")
        if token not in self.tokens:
            return errors(403, "permission denied")
        if any(f"/{name}" in request.path for name in self.hidden):
            return errors(403, DENIED)
        return self._authorised(request.path, token)

    def _log_in(self, path: str, body: Mapping[str, Any]) -> web.Response:
        if path != "/v1/auth/approle/login":
            return errors(404, "no handler for route 'auth/x/login'")
        if body.get("role_id") != self.role[0]:
            return errors(400, "invalid role ID")
        if body.get("secret_id") != self.role[1] or self.secret_id_uses == 0:
            return errors(400, "invalid secret id")
        if self.secret_id_uses is not None:
            self.secret_id_uses -= 1
        self._issued += 1
        token = self.grant(f"hvs.login-{self._issued}", ttl=self.ttl)
        return web.json_response(envelope(auth=self._auth(token, self.ttl)))

    def _auth(self, token: str, ttl: int) -> dict[str, Any]:
        return {
            "client_token": token,
            "accessor": "acc",
            "policies": ["default", "gw"],
            "token_policies": ["default", "gw"],
            "metadata": {"role_name": "gw"},
            "lease_duration": ttl,
            "renewable": self.tokens[token]["renewable"],
            "entity_id": "e",
            "token_type": "service",
            "orphan": True,
        }

    def _authorised(self, path: str, token: str) -> web.Response:
        known = self.tokens[token]
        if path == "/v1/auth/token/lookup-self":
            return web.json_response(envelope({"id": token, "policies": [], **known}))
        if path == "/v1/auth/token/renew-self":
            return self._renew(token)
        if path.startswith("/v1/secret/"):
            return self._versioned(path.removeprefix("/v1/secret/"))
        if not path.startswith("/v1/kv1/"):
            return errors(404, "no handler for route 'x'")
        if path == "/v1/kv1/dinie/local" and self.flat is not None:
            return web.json_response(envelope(self.flat))
        return errors(404)

    def _renew(self, token: str) -> web.Response:
        if not self.tokens[token]["renewable"]:
            return errors(400, "lease is not renewable")
        ttl = self.ttl if self.renewed_ttl is None else self.renewed_ttl
        return web.json_response(envelope(auth=self._auth(token, ttl)))

    def _versioned(self, path: str) -> web.Response:
        if path not in {"data/dinie/local", "metadata/dinie/local"}:
            if not path.startswith(("data/", "metadata/")):
                warning = "Invalid path for a versioned K/V secrets engine."
                return errors(404, warnings=[warning])
            return errors(404)
        if not self.versions:
            return errors(404)
        newest = self.versions[-1]
        if path.startswith("data/"):
            if newest["metadata"]["deletion_time"]:
                gone = {"data": None, "metadata": newest["metadata"]}
                return web.Response(
                    body=json.dumps(envelope(gone)).encode(),
                    status=404,
                    headers={"Content-Type": "application/json"},
                )
            return web.json_response(envelope(newest))
        versions = {str(v["metadata"]["version"]): v["metadata"] for v in self.versions}
        return web.json_response(
            envelope(
                {
                    "current_version": newest["metadata"]["version"],
                    "oldest_version": 0,
                    "versions": versions,
                }
            )
        )


@asynccontextmanager
async def running_vault() -> AsyncIterator[FakeVault]:
    """Run a fake Vault on a free port of loopback."""
    vault = FakeVault()
    runner = web.ServerRunner(web.Server(vault.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    vault.address = f"http://{host}:{port}"
    try:
        yield vault
    finally:
        await runner.cleanup()
