"""Names the caller of each request, and issues local tokens.

Source: `docs/adr/0014-callers.md`.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import orjson
from aiohttp import web

from gateway.core.authorization import LOCAL_PREFIX, pieces
from gateway.core.clock import Clock
from gateway.core.dinie_routes import TOKEN_PATH
from gateway.core.errors import CallerUnknown
from gateway.core.exchange import Exchange
from gateway.core.peer import certificate_name, is_local
from gateway.core.secret import Secret
from gateway.core.stage import EXCHANGE, Handler
from gateway.identity.local_tokens import IssuedTokens, client_secret, local_grant
from gateway.identity.policy import Callers, Shown, bound_to, whose
from gateway.identity.ports import Subjects, Untrusted

_HOW: Final = (
    "the request does not prove its sender: use the token, the certificate or the "
    "service account of one of identity.callers"
)
_LAPSED: Final = (
    "the token has expired, or was issued before the gateway was restarted: get "
    "another from POST /auth/token"
)
_ALONE: Final = "a service-account token stands alone after Bearer, without quotes"


class IdentityStage:
    """Sets `exchange.caller` by what the request shows: runs once per request."""

    def __init__(
        self,
        callers: Callers,
        *,
        fields: Callable[[], Mapping[str, Secret] | None],
        subjects: Subjects | None,
        issued: IssuedTokens,
        clock: Clock,
        own_keys: bool = False,
    ) -> None:
        """Recognise the callers of a configuration.

        Args:
            callers: Of the configuration.
            fields: Returns the current secrets, with the callers' tokens.
            subjects: Verifies service-account tokens; None: none are accepted.
            issued: Knows whose the tokens are that were issued here.
            clock: Real or fake.
            own_keys: Whether idempotency keys belong to callers: then a caller must
                not have another name once its token has expired.
        """
        self._callers = callers
        self._own_keys = own_keys
        self._fields = fields
        self._subjects = subjects
        self._issued = issued
        self._clock = clock

    def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> Awaitable[web.StreamResponse]:
        """Name the caller, then pass the request on.

        Raises:
            CallerUnknown: the request shows no valid proof.
        """
        exchange = request[EXCHANGE]
        if not self._callers.names:
            self._name_alone(request, exchange)
        else:
            exchange.caller = self._name(exchange, shown_by(request, exchange))
        return handler(request)

    def _name_alone(self, request: web.BaseRequest, exchange: Exchange) -> None:
        """Name the one service, or another caller on its host."""
        named = exchange.head.control.get("x-gateway-caller")
        exchange.caller = self._callers.by_name(named)
        bearer = exchange.head.control.get("authorization")
        if bearer is not None and named is None:
            token = bearer.rpartition(" ")[2]
            local = is_local(request.remote, request.transport)
            holder = self._issued.holder(token, local=local, certified=None)
            exchange.caller = holder or exchange.caller

    def _name(self, exchange: Exchange, shown: Shown) -> str:
        callers = self._callers
        certified = callers.of_certificate(shown.certificate)
        exchange.certified = certified is not None
        proven = certified
        if shown.bearer is not None:
            # Beside a certificate too: a token for the gateway must not reach Dinie.
            by_bearer = self._by_bearer(exchange, shown.bearer, shown)
            proven = certified or by_bearer
        if proven is not None:
            return proven
        if shown.local:
            self._refuse_lapsed(exchange, shown)
            return callers.by_name(shown.named)
        if asks_for_token(exchange):
            return callers.by_name(None)
        if callers.have_proofs:
            raise CallerUnknown(_HOW)
        return callers.by_name(None)

    def _refuse_lapsed(self, exchange: Exchange, shown: Shown) -> None:
        """Refuse a token that is not known any more, and may have named a caller.

        Under another name, the caller's idempotency keys would be other keys at Dinie,
        and the repeat of a POST from before a restart could be a second loan.

        Raises:
            CallerUnknown: as said; with a new token the caller is known again.
        """
        if not (self._own_keys and shown.bearer) or shown.named is not None:
            return
        if self._issued.has_form(shown.bearer) and not asks_for_token(exchange):
            raise CallerUnknown(_LAPSED)

    def _by_bearer(self, exchange: Exchange, bearer: str, shown: Shown) -> str | None:
        """Return whose bearer it is; None: it is not for the gateway.

        Raises:
            CallerUnknown: it is for the gateway, and no caller's.
        """
        callers = self._callers
        if bearer.startswith(LOCAL_PREFIX):
            tokens = callers.tokens(self._fields() or {})
            certified = callers.of_certificate(shown.certificate)
            found = (
                whose(bearer, tokens)
                or bound_to(bearer, tokens, now=self._clock.unix())
                or self._issued.holder(bearer, local=shown.local, certified=certified)
            )
            if found is None and callers.have_tokens:
                raise CallerUnknown("no caller of identity.callers has this token")
            return found
        if self._subjects is None:
            return None
        try:
            subject = self._subjects.subject(bearer)
        except Untrusted as error:
            raise CallerUnknown(f"{error}") from None
        if subject is None:
            if any(map(self._subjects.is_ours, pieces(bearer))):
                raise CallerUnknown(_ALONE)
            return None
        exchange.own_bearer = False  # it is for the gateway, and must not reach Dinie
        found = callers.of_subject(subject)
        if found is None:
            raise CallerUnknown("no caller of identity.callers has this subject")
        return found


class LocalTokenStage:
    """Responds to `POST /auth/token` itself: runs once per request, after admission."""

    def __init__(
        self,
        random_hex: Callable[[], str],
        *,
        issued: IssuedTokens,
        bind: Callable[[str], str | None] | None = None,
        spelled: Callable[[str], bool] = lambda _: False,
    ) -> None:
        """Issue tokens; the response goes to the caller.

        Args:
            random_hex: Makes a token's secret part.
            issued: Remembers the tokens.
            bind: Returns a token for the caller whose secret is shown, None where no
                caller has it. Without `bind` any secret will do, as in a sidecar.
            spelled: Returns whether a lenient server could take a raw path for the
                token route: the secret in its body must not reach Dinie either.
        """
        self._random_hex = random_hex
        self._issued = issued
        self._bind = bind
        self._spelled = spelled

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Respond to the token route; pass everything else on.

        Raises:
            CallerUnknown: no caller has the secret, and the request is not local.
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
    """Return whether a request asks for a token, with its secret in its body."""
    return exchange.target.plain_path == TOKEN_PATH and exchange.method == "POST"


def shown_by(request: web.BaseRequest, exchange: Exchange) -> Shown:
    """Return what a request shows of its sender."""
    scheme, _, bearer = (
        exchange.head.control.get("authorization", "").strip().partition(" ")
    )
    return Shown(
        local=is_local(request.remote, request.transport),
        bearer=bearer.strip() if scheme.lower() == "bearer" and bearer else None,
        certificate=certificate_name(request.transport),
        named=exchange.head.control.get("x-gateway-caller"),
    )
