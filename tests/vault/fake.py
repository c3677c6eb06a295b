"""A Vault on loopback that answers as a real one was observed to."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from tests.vault.kv import KeyValue, envelope, errors

Handler = Callable[[web.Request], web.StreamResponse]
PATH = "dinie/local"
ROOT = "hvs.root"
LOCKOUT = 5  # refused logins in a row; on by default since Vault 1.13
MERGE_PATCH = "application/merge-patch+json"
DENIED = "1 error occurred:\n\t* permission denied\n\n"


class FakeVault:
    """KV v2 at `secret`, KV v1 at `kv1`, AppRole at `approle`; tokens with a lease."""

    def __init__(self) -> None:
        self.tokens: dict[str, dict[str, Any]] = {}
        self.ttl = 3600
        self.renewed_ttl: int | None = None  # what a renewal grants; None: as asked
        self.role = ("role-1", "secret-id-1")
        self.secret_id_uses: int | None = None
        self.refused_logins = 0  # of the role, in a row; from LOCKOUT on it is locked
        self.jwts: dict[tuple[str, str], str] = {}  # (mount, role): the token it takes
        self.wrapped: dict[str, str] = {}  # wrapping tokens, and what they hold
        self.namespace: str | None = None  # the only one that there is; None: any
        self.troubles: list[web.Response] = []  # answered first, one each
        self.kv = KeyValue()
        self.after_write: Callable[[], object] = lambda: None  # before the answer
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

    @property
    def versions(self) -> list[dict[str, Any]]:
        """Return the versions of the gateway's secret."""
        return self.kv.secrets.setdefault(PATH, [])

    def put(self, **fields: Any) -> None:
        """Write a new version of the gateway's secret."""
        self.kv.put(PATH, fields)

    def delete_newest(self) -> None:
        """Delete its newest version, so that it can still be undeleted."""
        self.kv.delete_newest(PATH)

    def destroy_newest(self) -> None:
        """Destroy its newest version for good."""
        self.kv.destroy_newest(PATH)

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer any request."""
        self.calls.append(f"{request.method} {request.path.removeprefix('/v1/')}")
        self.headers.append(dict(request.headers))
        if self.delay:
            await asyncio.sleep(self.delay)
        if (trouble := self._trouble(request)) is not None:
            return trouble
        if request.path.endswith("/login"):
            return self._log_in(request.path, await request.json())
        token = request.headers.get("X-Vault-Token", "")
        if request.path == "/v1/sys/wrapping/unwrap":
            return self._unwrap(token)
        if token not in self.tokens:
            return errors(403, "permission denied")
        denied = any(f"/{name}" in request.path for name in self.hidden)
        return errors(403, DENIED) if denied else await self._authorised(request, token)

    def _trouble(self, request: web.BaseRequest) -> web.StreamResponse | None:
        """Return what is answered whatever is asked; None: nothing is wrong."""
        if self.canned is not None:
            return self.canned()
        if self.sealed:
            return errors(503, "Vault is sealed")
        if self.troubles:
            return self.troubles.pop(0)
        asked = request.headers.get("X-Vault-Namespace", "").strip("/")
        if self.namespace is not None and asked != self.namespace:
            return errors(404, "no handler for route 'x'")
        return None

    def _log_in(self, path: str, body: Mapping[str, Any]) -> web.Response:
        mount = path.removeprefix("/v1/auth/").removesuffix("/login")
        if any(known == mount for known, _ in self.jwts):
            return self._log_in_signed(mount, body)
        if mount != "approle" or self.refused_logins >= LOCKOUT:
            return errors(403, "permission denied")
        good = (body.get("role_id"), body.get("secret_id")) == self.role
        if not good or self.secret_id_uses == 0:
            self.refused_logins += 1
            return errors(400, "invalid role or secret ID")
        self.refused_logins = 0
        if self.secret_id_uses is not None:
            self.secret_id_uses -= 1
        return self._issue()

    def _log_in_signed(self, mount: str, body: Mapping[str, Any]) -> web.Response:
        taken = self.jwts.get((mount, str(body.get("role"))))
        if taken is None:
            return errors(400, f'invalid role name "{body.get("role")}"')
        if body.get("jwt") != taken:
            return errors(500, "failed to validate JWT: crypto/rsa: verification error")
        return self._issue()

    def _issue(self) -> web.Response:
        self._issued += 1
        token = self.grant(f"hvs.login-{self._issued}", ttl=self.ttl)
        return web.json_response(envelope(auth=self._auth(token, self.ttl)))

    def _unwrap(self, wrapping: str) -> web.Response:
        held = self.wrapped.pop(wrapping, None)
        if held is None:
            return errors(400, "wrapping token is not valid or does not exist")
        return web.json_response(
            envelope({"secret_id": held, "secret_id_accessor": "a"})
        )

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

    async def _authorised(self, request: web.BaseRequest, token: str) -> web.Response:
        path = request.path
        known = self.tokens[token]
        told = {
            "/v1/sys/locked-users": self._locked(),
            "/v1/auth/token/lookup-self": {"id": token, "policies": [], **known},
        }.get(path)
        if told is not None:
            return web.json_response(envelope(told))
        if path == "/v1/auth/token/renew-self":
            return self._renew(token)
        if path.startswith("/v1/secret/"):
            return await self._versioned(path.removeprefix("/v1/secret/"), request)
        if not path.startswith("/v1/kv1/"):
            return errors(404, "no handler for route 'x'")
        if path == "/v1/kv1/dinie/local" and self.flat is not None:
            return web.json_response(envelope(self.flat))
        return errors(404)

    def _locked(self) -> dict[str, Any]:
        locked = [self.role[0]] if self.refused_logins >= LOCKOUT else []
        mounts = [{"mount_accessor": "auth_approle_1", "alias_identifiers": locked}]
        by = [{"namespace_id": "root", "mount_accessors": mounts}] if locked else []
        return {"by_namespace": by, "total": len(locked)}

    def _renew(self, token: str) -> web.Response:
        if not self.tokens[token]["renewable"]:
            return errors(400, "lease is not renewable")
        if token == ROOT:
            return errors(400, "invalid lease ID")
        ttl = self.ttl if self.renewed_ttl is None else self.renewed_ttl
        return web.json_response(envelope(auth=self._auth(token, ttl)))

    async def _versioned(self, path: str, request: web.BaseRequest) -> web.Response:
        kind, _, secret = path.partition("/")
        if kind not in {"data", "metadata"}:
            warning = "Invalid path for a versioned K/V secrets engine."
            return errors(404, warnings=[warning])
        if request.method == "GET":
            return self.kv.read(secret) if kind == "data" else self.kv.metadata(secret)
        patch = request.method == "PATCH"
        if patch and request.content_type != MERGE_PATCH:
            return errors(415, "PATCH requires Content-Type of " + MERGE_PATCH)
        try:
            body = await request.json()
        except ValueError:
            return errors(400, "error parsing JSON")
        answer = self.kv.patch(secret, body) if patch else self.kv.write(secret, body)
        self.after_write()
        return answer


@asynccontextmanager
async def running_vault(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeVault]:
    """Run a fake Vault on a free port of loopback."""
    vault = FakeVault()
    runner = web.ServerRunner(web.Server(vault.answer), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
    await site.start()
    host, port = runner.addresses[0][:2]
    vault.address = f"{'https' if tls else 'http'}://{host}:{port}"
    try:
        yield vault
    finally:
        await runner.cleanup()
