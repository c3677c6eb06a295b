"""What does an SDK get that asks the gateway for a token?

Official SDKs insist on minting a token before the first call. They get an opaque one
which means "somebody on this host"; the real one never leaves the gateway.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import orjson
from aiohttp import web
from cachetools import FIFOCache

from gateway.context import EXCHANGE
from gateway.credentials.policy import LOCAL_PREFIX
from gateway.errors import BadRequest
from gateway.message import Exchange

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
TOKEN_PATH = "/auth/token"  # noqa: S105 - a path

LIFE = 3600  # s; above the 300 s margin that the SDKs keep
_MOST_TOKENS = 10_000  # remembered at once
_MOST_FIELDS = 20  # of a form


def local_grant(
    content_type: str, body: bytes, *, random_hex: Callable[[], str]
) -> bytes:
    """Return the JSON answer to `POST /auth/token`, in either dialect.

    Credentials are not looked at: dummies are what callers are meant to have.

    Raises:
        BadRequest: the body names a grant type other than `client_credentials`.
    """
    grant = _grant_type(content_type, body)
    if grant is not None and grant != "client_credentials":
        raise BadRequest("grant_type must be client_credentials")
    return orjson.dumps(
        {
            "access_token": LOCAL_PREFIX + random_hex(),
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

    def __init__(self, random_hex: Callable[[], str]) -> None:
        """Wire the stage; `random_hex` makes a token's secret part."""
        self._random_hex = random_hex
        # Whose token it is. The oldest is forgotten first; it still works, under the
        # service's name. Nothing is asked of a token, so none needs to run out here.
        self._issued: FIFOCache[str, str] = FIFOCache(_MOST_TOKENS)

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Answer the token route; let everything else pass."""
        exchange = request[EXCHANGE]
        if exchange.plain_path != TOKEN_PATH or exchange.method != "POST":
            self._name_caller(exchange)
            return await handler(request)
        body = local_grant(
            exchange.content_type.lower(),
            exchange.body.data,
            random_hex=self._random_hex,
        )
        self._issued[orjson.loads(body)["access_token"]] = exchange.caller
        return web.Response(
            body=body,
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    def _name_caller(self, exchange: Exchange) -> None:
        """Let a token of ours say who calls, where the caller does not."""
        bearer = exchange.control.get("authorization")
        if bearer is not None and "x-gateway-caller" not in exchange.control:
            token = bearer.rpartition(" ")[2]
            exchange.caller = self._issued.get(token, exchange.caller)
