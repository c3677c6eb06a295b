"""Say who calls, or refuse whoever cannot show it."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from gateway.core.authorization import pieces
from gateway.core.clock import Clock
from gateway.core.errors import CallerUnknown
from gateway.core.exchange import Exchange
from gateway.core.peer import certificate_name, is_local
from gateway.core.secret import Secret
from gateway.core.stage import EXCHANGE, Handler
from gateway.identity.policy import PREFIX, Callers, Shown, bound_to, whose
from gateway.identity.ports import Issued, Subjects, Untrusted

_HOW: Final = (
    "the request does not show who sends it: use the token, the certificate or the "
    "service account of one of identity.callers"
)
_LAPSED: Final = (
    "the token has run out, or was given before the gateway was started again: ask "
    "POST /auth/token for another"
)
_ALONE: Final = "a service-account token stands alone after Bearer, without quotes"


class IdentityStage:
    """An aiohttp server middleware that sets `exchange.caller`."""

    def __init__(
        self,
        callers: Callers,
        *,
        fields: Callable[[], Mapping[str, Secret] | None],
        subjects: Subjects | None,
        issued: Issued,
        asks_for_token: Callable[[Exchange], bool],
        clock: Clock,
        own_keys: bool = False,
    ) -> None:
        """Wire the stage.

        Args:
            callers: Of the configuration.
            fields: Returns the secrets in force, with the callers' tokens.
            subjects: Verifies service-account tokens; None: none are taken.
            issued: Knows whose the tokens are that were given out here.
            asks_for_token: Whether a request shows its secret in its body.
            clock: Real or fake.
            own_keys: Whether idempotency keys belong to callers: then who was named
                by a token must not be somebody else once that has run out.
        """
        self._callers = callers
        self._own_keys = own_keys
        self._fields = fields
        self._subjects = subjects
        self._issued = issued
        self._asks_for_token = asks_for_token
        self._clock = clock

    def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> Awaitable[web.StreamResponse]:
        """Name the caller, then go on.

        Raises:
            CallerUnknown: it shows nothing that counts.
        """
        exchange = request[EXCHANGE]
        if not self._callers.names:
            self._name_alone(request, exchange)
        else:
            exchange.caller = self._name(exchange, shown_by(request, exchange))
        return handler(request)

    def _name_alone(self, request: web.BaseRequest, exchange: Exchange) -> None:
        """Name the one service that there is, or somebody else on its host."""
        named = exchange.head.control.get("x-gateway-caller")
        exchange.caller = self._callers.said(named)
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
            # Beside a certificate too: a token for the gateway never goes on to Dinie.
            by_bearer = self._by_bearer(exchange, shown.bearer, shown)
            proven = certified or by_bearer
        if proven is not None:
            return proven
        if shown.local:
            self._refuse_lapsed(exchange, shown)
            return callers.said(shown.named)
        if self._asks_for_token(exchange):
            return callers.said(None)
        if callers.strict:
            raise CallerUnknown(_HOW)
        return callers.said(None)

    def _refuse_lapsed(self, exchange: Exchange, shown: Shown) -> None:
        """Refuse a token that names nobody any more, and may have named a caller.

        Under another name its idempotency keys would be other ones at Dinie, and the
        repeat of a POST that was lost with the last process a second loan.

        Raises:
            CallerUnknown: as said; who asks for another token is known again.
        """
        if not (self._own_keys and shown.bearer) or shown.named is not None:
            return
        if self._issued.is_like(shown.bearer) and not self._asks_for_token(exchange):
            raise CallerUnknown(_LAPSED)

    def _by_bearer(self, exchange: Exchange, bearer: str, shown: Shown) -> str | None:
        """Return whose bearer it is; None: it is none of ours."""
        callers = self._callers
        if bearer.startswith(PREFIX):
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
        exchange.own_bearer = False  # it is for the gateway, and never goes on to Dinie
        found = callers.of_subject(subject)
        if found is None:
            raise CallerUnknown("no caller of identity.callers has this subject")
        return found


def shown_by(request: web.BaseRequest, exchange: Exchange) -> Shown:
    """Return what a request shows of who sends it."""
    scheme, _, bearer = (
        exchange.head.control.get("authorization", "").strip().partition(" ")
    )
    return Shown(
        local=is_local(request.remote, request.transport),
        bearer=bearer.strip() if scheme.lower() == "bearer" and bearer else None,
        certificate=certificate_name(request.transport),
        named=exchange.head.control.get("x-gateway-caller"),
    )
