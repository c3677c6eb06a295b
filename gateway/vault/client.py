"""How is Vault asked without stopping the event loop? hvac, on two threads of its own.

hvac blocks, keeps its token on a shared session and would look for one in the
environment and the home directory. So each call has a client of its own, and its token
is always passed, even when it is empty.
"""

import asyncio
import random as randomness
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, NoReturn

import hvac

from gateway.backoff import full_jitter
from gateway.clock import Clock, SystemClock
from gateway.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault import faults
from gateway.vault.faults import Call

TIMEOUT: Final = 5.0  # s, for a connect and for each read
_THREADS: Final = 2  # one hangs, one works
_WHOLE: Final = 2.0  # times the timeout: a call that drips ends here
_TRIES: Final = 3  # of a call that Vault says to repeat
_PAUSE: Final = 0.2  # s before the first repeat, at most
_AGAIN: Final = frozenset({412, 429, 500, 502, 503})
# A login that failed inside Vault may have spent a use of the secret id.
_AGAIN_LOGIN: Final = frozenset({412, 429})
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


@dataclass(frozen=True, slots=True)
class Granted:
    """What a login, a renewal or a look at a token tells."""

    token: Secret
    duration: float  # s; 0: no end is known
    renewable: bool


@dataclass(frozen=True, slots=True)
class Stamp:
    """Which version of a secret; numbers start again when its metadata is deleted."""

    number: int
    created: str


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
        return _granted(answer.get("auth"), call)

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
        return _granted(answer.get("auth"), call)

    async def unwrap(self, wrapping: Secret) -> Secret:
        """Return the secret id inside a wrapping token, which is spent by this."""
        call = self._named("login", "sys/wrapping/unwrap", _WRAPPED_HINT)
        answer = await self._ask(call, wrapping, lambda vault: vault.sys.unwrap())
        found = _mapping(answer.get("data"), call).get("secret_id")
        if not isinstance(found, str) or not found:
            raise faults.malformed(call)
        return Secret(found)

    async def look_up(self, token: Secret) -> Granted:
        """Learn how long a token lives that came from elsewhere."""
        call = self._named("token", "auth/token/lookup-self")
        answer = await self._ask(
            call, token, lambda vault: vault.auth.token.lookup_self()
        )
        data = _mapping(answer.get("data"), call)
        return Granted(
            token, _seconds(data.get("ttl"), call), data.get("renewable") is True
        )

    async def renew(self, token: Secret, *, increment: float) -> Granted:
        """Extend a token's life, by `increment` s if Vault agrees."""
        call = self._named("token", "auth/token/renew-self")
        answer = await self._ask(
            call,
            token,
            lambda vault: vault.auth.token.renew_self(increment=f"{increment:.0f}s"),
        )
        return _granted(answer.get("auth"), call)

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
        data = _mapping(answer.get("data"), call)
        number = data.get("current_version")
        versions = _mapping(data.get("versions"), call)
        newest = _mapping(versions.get(str(number)), call)
        if newest.get("deletion_time") or newest.get("destroyed"):
            raise faults.deleted(self._named("read", f"{mount}/data/{path}"))
        return _stamp(number, newest.get("created_time"), call)

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
        data = _mapping(answer.get("data"), call)
        about = _mapping(data.get("metadata"), call)
        if about.get("deletion_time") or about.get("destroyed"):
            raise faults.deleted(call)
        stamp = _stamp(about.get("version"), about.get("created_time"), call)
        return _fields(data.get("data"), call), stamp

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
        return _fields(answer.get("data"), call)

    def close(self) -> None:
        """Let the threads end; a call under way is not waited for."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _named(self, kind: Any, place: str, hint: str = "") -> Call:
        return Call(kind, place, self._address, self._timeout, hint)

    async def _ask(
        self, call: Call, token: Secret, ask: Callable[[Any], Any]
    ) -> dict[str, Any]:
        answer = None
        again = _AGAIN_LOGIN if call.kind == "login" else _AGAIN
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


def _mapping(value: Any, call: Call) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise faults.malformed(call)
    return value


def _seconds(value: Any, call: Call) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise faults.malformed(call)
    return float(value)


def _granted(auth: Any, call: Call) -> Granted:
    found = _mapping(auth, call)
    token = found.get("client_token")
    if not isinstance(token, str) or not token:
        raise faults.malformed(call)
    return Granted(
        Secret(token),
        _seconds(found.get("lease_duration"), call),
        found.get("renewable") is True,
    )


def _stamp(number: Any, created: Any, call: Call) -> Stamp:
    if isinstance(number, bool) or not isinstance(number, int):
        raise faults.malformed(call)
    return Stamp(number, str(created))


def _fields(data: Any, call: Call) -> dict[str, Secret]:
    # Other tools may keep numbers or objects beside ours: they are not secrets of ours.
    return {
        name: Secret(value.strip())
        for name, value in _mapping(data, call).items()
        if isinstance(value, str)
    }
