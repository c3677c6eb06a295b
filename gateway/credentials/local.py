"""What does an SDK get that asks the gateway for a token?

Official SDKs insist on minting a token before the first call. They get an opaque one
which means "somebody on this host"; the real one never leaves the gateway.
"""

import base64
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs, unquote

import orjson
from aiohttp import web
from cachetools import FIFOCache

from gateway.context import EXCHANGE
from gateway.credentials.policy import LOCAL_PREFIX
from gateway.errors import BadRequest, CallerUnknown
from gateway.message import Exchange
from gateway.peer import is_local

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
TOKEN_PATH = "/auth/token"  # noqa: S105 - a path

LIFE = 3600  # s; above the 300 s margin that the SDKs keep
_MOST_TOKENS = 10_000  # remembered at once
_MOST_FIELDS = 20  # of a form


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


class LocalTokenStage:
    """An aiohttp server middleware that answers `POST /auth/token` itself."""

    def __init__(
        self,
        random_hex: Callable[[], str],
        *,
        bind: Callable[[str], str | None] | None = None,
    ) -> None:
        """Wire the stage.

        Args:
            random_hex: Makes a token's secret part.
            bind: Returns a token for the caller whose secret is shown, None where
                nobody has it; without it any secret does, as in a sidecar.
        """
        self._random_hex = random_hex
        self._bind = bind
        # Whose token it is. The oldest is forgotten first; it still works, under the
        # service's name. Nothing is asked of a token, so none needs to run out here.
        self.issued: FIFOCache[str, str] = FIFOCache(_MOST_TOKENS)

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Answer the token route; let everything else pass.

        Raises:
            CallerUnknown: nobody has the secret, and it comes from another host.
        """
        exchange = request[EXCHANGE]
        if not asks_for_token(exchange):
            return await handler(request)
        content_type, body = exchange.content_type.lower(), exchange.body.data
        bound = None
        if self._bind is not None:
            shown = client_secret(
                exchange.control.get("authorization"), content_type, body
            )
            bound = self._bind(shown) if shown else None
            if bound is None and not is_local(request.remote, request.transport):
                raise CallerUnknown("no caller of identity.callers has this secret")
        granted = local_grant(
            content_type, body, random_hex=self._random_hex, bound=bound
        )
        if bound is None:
            self.issued[orjson.loads(granted)["access_token"]] = exchange.caller
        return web.Response(
            body=granted,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )


def asks_for_token(exchange: Exchange) -> bool:
    """Return whether a request asks for a token, with its secret in it."""
    return exchange.plain_path == TOKEN_PATH and exchange.method == "POST"


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
