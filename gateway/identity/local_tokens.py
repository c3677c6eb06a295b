"""Answers an SDK's token call with an opaque token of the gateway's own.

Official SDKs insist on a token before the first call. They get one which means
"somebody on this host"; the real one never leaves the gateway.
"""

import base64
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import parse_qs, unquote

import orjson
from aiohttp import web
from cachetools import FIFOCache

from gateway.core.authorization import LOCAL_PREFIX
from gateway.core.clock import Clock
from gateway.core.dinie_routes import TOKEN_PATH
from gateway.core.errors import BadRequest, CallerUnknown
from gateway.core.exchange import Exchange
from gateway.core.peer import is_local
from gateway.core.stage import EXCHANGE, Handler

LIFE = 3600  # s; above the 300 s margin that the SDKs keep
_MOST_TOKENS = 10_000  # remembered at once
_MOST_FIELDS = 20  # of a form
_FORM: Final = re.compile(LOCAL_PREFIX + r"[0-9a-f]{32}")


def local_grant(
    content_type: str,
    body: bytes,
    *,
    random_hex: Callable[[], str],
    bound: str | None = None,
) -> bytes:
    """Return the JSON answer to `POST /auth/token`, in either dialect.

    Credentials are not looked at here: dummies are what callers in a sidecar are meant
    to have. `bound` is the token of a caller that has shown its secret.

    Raises:
        BadRequest: the body names a grant type other than `client_credentials`.
    """
    grant = _grant_type(content_type, body)
    if grant is not None and grant != "client_credentials":
        raise BadRequest("grant_type must be client_credentials")
    return orjson.dumps(
        {
            "access_token": bound or LOCAL_PREFIX + random_hex(),
            "token_type": "bearer",
            "expires_in": LIFE,
        }
    )


def _grant_type(content_type: str, body: bytes) -> object:
    if "json" in content_type:
        try:
            fields = orjson.loads(body) if body else {}
        except orjson.JSONDecodeError as error:
            raise BadRequest("the body is no JSON") from error
        return fields.get("grant_type") if isinstance(fields, dict) else None
    try:
        form = parse_qs(body.decode("latin-1"), max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise BadRequest(f"the form has more than {_MOST_FIELDS} fields") from error
    return form.get("grant_type", [None])[0]


class IssuedTokens:
    """The tokens that were given out here, each bound to its place and its time.

    A name that was believed because its bearer was on this host must not travel: such
    a token names nobody who comes from elsewhere. One that was given to the bearer of
    a certificate goes with that certificate.
    """

    def __init__(self, clock: Clock, *, most: int = _MOST_TOKENS) -> None:
        """Hold at most so many; the oldest is forgotten first."""
        self._clock = clock
        # caller; whether from this host; both clocks' moment at which it ends
        self._held: FIFOCache[str, tuple[str, bool, float, float]] = FIFOCache(most)

    def add(self, token: str, caller: str, *, local: bool) -> None:
        """Remember whose a new token is, and whether it was given on this host."""
        ends = self._clock.now() + LIFE, self._clock.unix() + LIFE
        self._held[token] = caller, local, *ends

    def holder(self, token: str, *, local: bool, certified: str | None) -> str | None:
        """Return whose token it is; None: nobody's who may show it so.

        Args:
            token: As shown.
            local: Whether it is shown on this host.
            certified: Whose certificate is shown beside it.
        """
        held = self._held.get(token)
        if held is None:
            return None
        caller, given_here, ends, ends_unix = held
        # Either clock: one stands while the machine sleeps, the other may be set back.
        if self._clock.now() >= ends or self._clock.unix() >= ends_unix:
            del self._held[token]
            return None
        return caller if (local and given_here) or certified == caller else None

    @staticmethod
    def is_like(token: str) -> bool:
        """Return whether it has the form of those; it may have run out."""
        return _FORM.fullmatch(token) is not None


class LocalTokenStage:
    """An aiohttp server middleware that answers `POST /auth/token` itself."""

    def __init__(
        self,
        random_hex: Callable[[], str],
        *,
        issued: IssuedTokens,
        bind: Callable[[str], str | None] | None = None,
        spelled: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Prepare the stage.

        Args:
            random_hex: Makes a token's secret part.
            issued: Takes what is given out.
            bind: Returns a token for the caller whose secret is shown, None where
                nobody has it; without it any secret does, as in a sidecar.
            spelled: Whether a raw path could be the token route to a lenient server.
                Answered here too: the secret in its body must not reach Dinie.
        """
        self._random_hex = random_hex
        self._issued = issued
        self._bind = bind
        self._spelled = spelled

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Answer the token route; let everything else pass.

        Raises:
            CallerUnknown: nobody has the secret, and it comes from another host.
        """
        exchange = request[EXCHANGE]
        if exchange.method != "POST" or not (
            asks_for_token(exchange) or self._spelled(exchange.target.path)
        ):
            return await handler(request)
        local = is_local(request.remote, request.transport)
        content_type, body = exchange.head.content_type.lower(), exchange.body.data
        bound = None
        if self._bind is not None:
            shown = client_secret(
                exchange.head.control.get("authorization"), content_type, body
            )
            bound = self._bind(shown) if shown else None
            if bound is None and not (local or exchange.certified):
                raise CallerUnknown("no caller of identity.callers has this secret")
        granted = local_grant(
            content_type, body, random_hex=self._random_hex, bound=bound
        )
        if bound is None:
            token = orjson.loads(granted)["access_token"]
            self._issued.add(token, exchange.caller, local=local)
        return web.Response(
            body=granted,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


def asks_for_token(exchange: Exchange) -> bool:
    """Return whether a request asks for a token, with its secret in it."""
    return exchange.target.plain_path == TOKEN_PATH and exchange.method == "POST"


def client_secret(
    authorization: str | None, content_type: str, body: bytes
) -> str | None:
    """Return the secret that a token call shows, in either dialect; None: none."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:
            return None
        return unquote(decoded.partition(":")[2]) or None
    found: object = None
    try:
        if "json" in content_type:
            fields = orjson.loads(body) if body else {}
            found = fields.get("client_secret") if isinstance(fields, dict) else None
        else:
            form = parse_qs(body.decode("latin-1"), max_num_fields=_MOST_FIELDS)
            found = form.get("client_secret", [None])[0]
    except ValueError:
        return None
    return found if isinstance(found, str) else None
