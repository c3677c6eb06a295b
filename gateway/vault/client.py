"""How is Vault asked without stopping the loop? hvac, in threads of its own."""

import asyncio
import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import hvac
import requests
from hvac import exceptions as hv

from gateway.secrets.ports import Reason, SecretsUnavailable

T = TypeVar("T")
TIMEOUT = 5.0  # s for one call; hvac's own default is 30
_THREADS = 2

_MEANING: tuple[tuple[type[Exception], Reason, str], ...] = (
    (requests.Timeout, "timeout", "Vault did not answer in time"),
    (requests.RequestException, "unreachable", "Vault cannot be reached"),
    (hv.VaultDown, "sealed", "Vault is sealed or in maintenance: unseal it"),
    (hv.VaultNotInitialized, "sealed", "Vault is not initialised"),
    (hv.Forbidden, "permission", "Vault denies it: the token's policy needs it"),
    (hv.Unauthorized, "permission", "Vault asks for a token"),
    (hv.InvalidPath, "not_found", "Vault has nothing there: write it"),
    (hv.VaultError, "malformed", "Vault answered something unexpected"),
)


class VaultClient:
    """Calls one Vault. Each call has a client of its own: hvac's is not for threads."""

    def __init__(
        self,
        address: str,
        *,
        namespace: str | None,
        ca_file: str | None,
        timeout: float = TIMEOUT,
    ) -> None:
        self._address = address
        self._namespace = namespace
        self._verify: str | bool = ca_file or True
        self._timeout = timeout
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="vault")

    async def call(self, token: str, use: Callable[[Any], T], *, what: str) -> T:
        """Run `use(hvac client)` in a thread.

        Args:
            token: Sent with the call; "" for a login. hvac would otherwise pick one up
                from the environment or the home directory.
            use: Makes one call and returns its result.
            what: Path and capability, for the error.

        Raises:
            SecretsUnavailable: with the reason, and `what` in its text.
        """
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._call, token, use, what)

    def _call(self, token: str, use: Callable[[Any], T], what: str) -> T:
        with self._client(token) as client, _mapped(what):
            return use(client)

    @contextlib.contextmanager
    def _client(self, token: str) -> Iterator[Any]:
        session = requests.Session()
        session.trust_env = False  # no proxies or netrc of the environment
        try:
            client = hvac.Client(
                url=self._address,
                token=token,
                namespace=self._namespace,
                verify=self._verify,
                timeout=self._timeout,
                session=session,
            )
            client.token = token
            yield client
        finally:
            session.close()

    def close(self) -> None:
        """End the threads; a call under way ends by its own time-out."""
        self._pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _mapped(what: str) -> Iterator[None]:
    """Turn every failure of hvac into ours; its texts may hold what was sent."""
    try:
        yield
    except SecretsUnavailable:
        raise
    except Exception as error:  # noqa: BLE001 - hvac and requests raise many kinds
        for kind, reason, text in _MEANING:
            if isinstance(error, kind):
                raise SecretsUnavailable(reason, f"{text} ({what})") from None
        raise SecretsUnavailable(
            "malformed", f"Vault's answer cannot be read ({what})"
        ) from None
