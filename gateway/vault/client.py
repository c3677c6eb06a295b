"""How is Vault asked without stopping the event loop? hvac, on two threads of its own.

hvac blocks, keeps its token on a shared session and would look for one in the
environment and the home directory. So each call has a client of its own, and its token
is always passed, even when it is empty.
"""

import asyncio
import random as randomness
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NoReturn

import hvac

from gateway.backoff import full_jitter
from gateway.clock import Clock, SystemClock
from gateway.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import faults
from gateway.vault.answers import (
    Granted,
    Stamp,
    fields,
    granted,
    mapping,
    seconds,
    stamp,
)
from gateway.vault.faults import Call

TIMEOUT: Final = 5.0  # s, for a connect and for each read
_THREADS: Final = 2  # one hangs, one works
_WHOLE: Final = 2.0  # times the timeout: a call that drips ends here
_TRIES: Final = 3  # of a call that Vault says to repeat
_PAUSE: Final = 0.2  # s before the first repeat, at most
_AGAIN: Final = frozenset({412, 429, 500, 502, 503})
# What failed inside Vault may have been done: a use of the secret id, or the write.
_AGAIN_ONCE: Final = frozenset({412, 429})
_APPROLE_HINT: Final = (
    "check role_id_file and secret_id_file (a secret id can be spent or expired)"
)
_JWT_HINT: Final = (
    "check secrets.vault.auth.role, and that the role admits this token: service "
    "account, namespace and audience"
)
_WRAPPED_HINT: Final = (
    "the wrapping token in secret_id_file is spent or expired: have a new one "
    "delivered, and if nobody here has used it, find out who has"
)


class VaultClient:
    """The calls that the gateway needs.

    All raise `SecretsUnavailable`, with a sentence that says what to do.
    """

    def __init__(
        self,
        address: str,
        *,
        namespace: str | None,
        ca_file: str | None,
        timeout: float = TIMEOUT,
        clock: Clock | None = None,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._clock = clock if clock is not None else SystemClock()
        self._random = random
        self._address = address
        self._namespace = namespace
        self._ca_file = ca_file
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="vault")

    async def login_approle(
        self, mount: str, *, role_id: Secret, secret_id: Secret
    ) -> Granted:
        """Log in with a role id and a secret id."""
        call = self._named("login", f"auth/{mount}/login", _APPROLE_HINT)
        answer = await self._ask(
            call,
            Secret(""),
            lambda vault: vault.auth.approle.login(
                role_id.reveal(),
                secret_id.reveal(),
                use_token=False,
                mount_point=mount,
            ),
        )
        return granted(answer.get("auth"), call)

    async def login_jwt(self, mount: str, *, role: str, jwt: Secret) -> Granted:
        """Log in with a signed token: of a service account, or of another issuer."""
        call = self._named("login", f"auth/{mount}/login", _JWT_HINT)
        answer = await self._ask(
            call,
            Secret(""),
            lambda vault: vault.auth.jwt.jwt_login(
                role, jwt.reveal(), use_token=False, path=mount
            ),
        )
        return granted(answer.get("auth"), call)

    async def unwrap(self, wrapping: Secret) -> Secret:
        """Return the secret id inside a wrapping token, which is spent by this."""
        call = self._named("login", "sys/wrapping/unwrap", _WRAPPED_HINT)
        answer = await self._ask(call, wrapping, lambda vault: vault.sys.unwrap())
        found = mapping(answer.get("data"), call).get("secret_id")
        if not isinstance(found, str) or not found:
            raise faults.malformed(call)
        return Secret(found)

    async def look_up(self, token: Secret) -> Granted:
        """Learn how long a token lives that came from elsewhere."""
        call = self._named("token", "auth/token/lookup-self")
        answer = await self._ask(
            call, token, lambda vault: vault.auth.token.lookup_self()
        )
        data = mapping(answer.get("data"), call)
        return Granted(
            token, seconds(data.get("ttl"), call), data.get("renewable") is True
        )

    async def renew(self, token: Secret, *, increment: float) -> Granted:
        """Extend a token's life, by `increment` s if Vault agrees."""
        call = self._named("token", "auth/token/renew-self")
        answer = await self._ask(
            call,
            token,
            lambda vault: vault.auth.token.renew_self(increment=f"{increment:.0f}s"),
        )
        return granted(answer.get("auth"), call)

    async def head(self, token: Secret, mount: str, path: str) -> Stamp:
        """Return the newest version's stamp, without reading the secret (KV v2)."""
        call = self._named("metadata", f"{mount}/metadata/{path}")
        answer = await self._ask(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.read_secret_metadata(
                path, mount_point=mount
            ),
        )
        data = mapping(answer.get("data"), call)
        number = data.get("current_version")
        versions = mapping(data.get("versions"), call)
        newest = mapping(versions.get(str(number)), call)
        if newest.get("deletion_time") or newest.get("destroyed"):
            raise faults.deleted(self._named("read", f"{mount}/data/{path}"))
        return stamp(number, newest.get("created_time"), call)

    async def read(
        self, token: Secret, mount: str, path: str
    ) -> tuple[Mapping[str, Secret], Stamp]:
        """Return the fields of a secret's newest version (KV v2)."""
        call = self._named("read", f"{mount}/data/{path}")
        answer = await self._ask(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.read_secret_version(
                path, mount_point=mount, raise_on_deleted_version=False
            ),
        )
        data = mapping(answer.get("data"), call)
        about = mapping(data.get("metadata"), call)
        if about.get("deletion_time") or about.get("destroyed"):
            raise faults.deleted(call)
        found = stamp(about.get("version"), about.get("created_time"), call)
        return fields(data.get("data"), call), found

    async def read_unversioned(
        self, token: Secret, mount: str, path: str
    ) -> Mapping[str, Secret]:
        """Return the fields of a secret (KV v1)."""
        call = self._named("read", f"{mount}/{path}")
        answer = await self._ask(
            call,
            token,
            lambda vault: vault.secrets.kv.v1.read_secret(path, mount_point=mount),
        )
        return fields(answer.get("data"), call)

    async def read_all(
        self, token: Secret, mount: str, path: str
    ) -> tuple[dict[str, Any], int]:
        """Return all of a secret as it is, and its version; nothing yet: empty and 0.

        For whoever writes it back: other tools may keep more than texts there.
        """
        call = self._named("read", f"{mount}/data/{path}")
        try:
            answer = await self._ask(
                call,
                token,
                lambda vault: vault.secrets.kv.v2.read_secret_version(
                    path, mount_point=mount, raise_on_deleted_version=False
                ),
            )
        except SecretsUnavailable as error:
            if error.reason == "not_found" and "nothing is at" in error.detail:
                return {}, 0
            raise
        data = mapping(answer.get("data"), call)
        version = mapping(data.get("metadata"), call).get("version")
        if not isinstance(version, int):
            raise faults.malformed(call)
        held = data.get("data")  # null where the newest version is deleted
        return {} if held is None else dict(mapping(held, call)), version

    async def write(
        self, token: Secret, mount: str, path: str, data: dict[str, Any], *, cas: int
    ) -> int:
        """Write a secret's next version, if `cas` is the newest; return its version.

        Raises:
            SecretsUnavailable: with reason `conflict` where it is not.
        """
        call = self._named("write", f"{mount}/data/{path}")
        answer = await self._ask(
            call,
            token,
            lambda vault: vault.secrets.kv.v2.create_or_update_secret(
                path, secret=data, cas=cas, mount_point=mount
            ),
        )
        version = mapping(answer.get("data"), call).get("version")
        if not isinstance(version, int):
            raise faults.malformed(call)
        return version

    def close(self) -> None:
        """Let the threads end; a call under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _named(self, kind: Any, place: str, hint: str = "") -> Call:
        return Call(kind, place, self._address, self._timeout, hint)

    async def _ask(
        self, call: Call, token: Secret, ask: Callable[[Any], Any]
    ) -> dict[str, Any]:
        answer = None
        again = _AGAIN_ONCE if call.kind in {"login", "write"} else _AGAIN
        until = self._clock.now() + self._timeout
        for attempt in range(_TRIES):
            seen: list[int] = []
            try:
                answer = await self._once(token, ask, seen)
                break
            except Exception as error:  # noqa: BLE001 - two libraries, many classes
                status = seen[-1] if seen else None
                failure = faults.explain(error, call, status)
            wait = full_jitter(attempt, base=_PAUSE, cap=1.0, random=self._random())
            late = self._clock.now() + wait > until
            if status not in again or failure.reason == "sealed" or late:
                # Not chained: the library's text may hold what must not be logged.
                _fail(failure)
            if attempt == _TRIES - 1:
                _fail(failure)
            await self._clock.sleep(wait)
        if isinstance(answer, dict):
            return answer
        if getattr(answer, "is_redirect", False):
            raise faults.redirected(call)
        raise faults.malformed(call)

    async def _once(
        self, token: Secret, ask: Callable[[Any], Any], seen: list[int]
    ) -> Any:
        async with asyncio.timeout(self._timeout * _WHOLE):
            return await asyncio.get_running_loop().run_in_executor(
                self._threads, self._blocking, token, ask, seen
            )

    def _blocking(
        self, token: Secret, ask: Callable[[Any], Any], seen: list[int]
    ) -> Any:
        vault = hvac.Client(
            url=self._address,
            token=token.reveal(),
            namespace=self._namespace,
            verify=self._ca_file or True,
            timeout=self._timeout,
            allow_redirects=False,  # hvac would take the token along to any host
        )
        # No proxy and no .netrc from the environment between us and Vault.
        vault.session.trust_env = False
        # hvac keeps the status of an answer to itself.
        vault.session.hooks["response"].append(
            lambda answer, *_, **__: seen.append(answer.status_code)
        )
        try:
            return ask(vault)
        finally:
            vault.adapter.close()


def _fail(failure: SecretsUnavailable) -> NoReturn:
    raise failure from None
