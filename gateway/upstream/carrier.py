"""Takes a webhook to a subscriber: one POST, and one word on how it went."""

import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from aiohttp import (
    ClientConnectorCertificateError,
    ClientConnectorDNSError,
    ClientConnectorError,
    ClientConnectorSSLError,
    ClientError,
    ClientSession,
    ClientTimeout,
    DummyCookieJar,
    TCPConnector,
    hdrs,
)
from yarl import URL

from gateway.inbox.options import SubscriberOptions
from gateway.inbox.policy import Try
from gateway.retry_after import retry_after
from gateway.upstream.resolver import Resolver

_AGENT: Final = "dinie-gateway"
_KEEPALIVE: Final = 15.0  # s
_LARGEST: Final = 64 * 1024  # bytes of an answer; more ends the connection
_INVENTED: Final = frozenset({hdrs.ACCEPT_ENCODING, hdrs.ACCEPT, hdrs.CONTENT_TYPE})


class HttpCarrier:
    """Implements `Carrier`, with a connection pool for all subscribers."""

    def __init__(
        self, *, ssl_context: ssl.SSLContext | None = None, clock: Callable[[], float]
    ) -> None:
        """Wire it; inside a running loop.

        Args:
            ssl_context: None: the system's trust.
            clock: Unix, s; for a Retry-After that is a date.
        """
        self._clock = clock
        self._session = ClientSession(
            connector=TCPConnector(
                limit=0,  # each lane has its own bound
                ssl=ssl_context if ssl_context is not None else True,
                keepalive_timeout=_KEEPALIVE,
                resolver=Resolver(),  # a dead name costs no other name anything
                use_dns_cache=False,
            ),
            cookie_jar=DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            skip_auto_headers=_INVENTED,
            headers={hdrs.USER_AGENT: _AGENT},
        )

    async def send(
        self,
        subscriber: SubscriberOptions,
        headers: Sequence[tuple[str, str]],
        body: bytes,
    ) -> Try:
        """POST a body once; a failure is a `Try`, never raised."""
        try:
            async with self._session.post(
                URL(subscriber.url, encoded=True),
                data=body,
                headers=headers,
                allow_redirects=False,
                timeout=ClientTimeout(total=subscriber.timeout),
            ) as answer:
                with suppress(ClientError, OSError):  # its status is all that counts
                    await answer.content.read(_LARGEST)
                return Try(
                    answer.status, retry_after(answer.headers, unix=self._clock())
                )
        except TimeoutError:
            return Try(None, error="timeout")
        except (ClientConnectorCertificateError, ClientConnectorSSLError):
            return Try(None, error="tls")
        except ClientConnectorDNSError:
            return Try(None, error="name")
        except ClientConnectorError:
            return Try(None, error="connect")
        except (ClientError, OSError, ValueError):
            return Try(None, error="dropped")

    async def close(self) -> None:
        """Close the connections."""
        await self._session.close()
