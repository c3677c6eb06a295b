"""Give each POST one key, and each key one request at a time.

Outside the retry, so that all attempts share one key and one record.
"""

from collections.abc import Awaitable, Callable

from aiohttp import web

from gateway.clock import Instant
from gateway.context import EXCHANGE
from gateway.errors import (
    GatewayError,
    IdempotencyExpired,
    OutcomeUnknown,
)
from gateway.idempotency.fingerprint import fingerprint_of
from gateway.idempotency.flight import Flight, copy_truth, follow, takes_over
from gateway.idempotency.generated import KeyGenerator
from gateway.idempotency.lookup import Lookup
from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.policy import callers_key
from gateway.idempotency.ports import Intent, Journal, Record, Records
from gateway.idempotency.replay import (
    copied,
    copy_of,
    refuse_another,
    refuse_second_send,
    replay,
    same_authority,
    wanted,
)
from gateway.idempotency.scope import Scope
from gateway.message import Exchange

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
KNOWN_AT_DINIE = 86_400.0 - 300.0  # s; a day, less what clocks may differ by
_REFUSED = 400  # from here on this send had no effect; others may have had one


class IdempotencyStage:
    """An aiohttp server middleware."""

    def __init__(
        self,
        options: IdempotencyOptions,
        records: Records,
        clock: Callable[[], Instant],
        journal: Journal,
        scope: Scope,
    ) -> None:
        self._options = options
        self._scope = scope
        self._records = records
        self._clock = clock
        self._journal = journal
        self._flights: dict[str, Flight] = {}
        self._generated = KeyGenerator()
        self._lookup = Lookup(records, clock, journal)

    async def __call__(
        self, request: web.BaseRequest, handler: Handler
    ) -> web.StreamResponse:
        """Set the exchange's key; join a call in flight, or lead.

        Raises:
            BadRequest: the caller's key cannot be used.
            IdempotencyKeyReused: it belongs to another request.
            OutcomeUnknown: the call in flight did not end before this one's deadline.
        """
        exchange = request[EXCHANGE]
        key = callers_key(exchange.control)
        if key is not None:
            exchange.key = key
            names = self._scope.names(exchange.caller, key)
            if exchange.method == "POST":
                return await self._keyed(request, exchange, names, handler)
            exchange.upstream_key = self._scope.upstream(names[0])
        elif exchange.method == "POST":
            exchange.key = exchange.upstream_key = key = self._generated.new()
            exchange.key_minted = True
            return await self._minted(request, exchange, key, handler)
        return await handler(request)

    async def _minted(
        self, request: web.BaseRequest, exchange: Exchange, key: str, handler: Handler
    ) -> web.StreamResponse:
        """Nobody can know a minted key before its answer: a record only if unknown."""
        await self._journal.begin(_intent(exchange, key))
        try:
            response = await handler(request)
        except OutcomeUnknown:
            await self._never_known(exchange, key)
            raise
        except GatewayError:
            if exchange.unknown_sends:
                await self._never_known(exchange, key)
            else:
                self._journal.forget(key)
            raise
        except BaseException:
            # A fault of ours, or the end of the process, with a send under way.
            if exchange.sends:
                self._remember(exchange, key, b"")
            else:
                self._journal.forget(key)
            raise
        if exchange.unknown_sends and response.status >= _REFUSED:
            await self._never_known(exchange, key)
        else:
            self._journal.forget(key)
        return response

    async def _never_known(self, exchange: Exchange, key: str) -> None:
        """Keep a minted key: one of its sends may have taken effect."""
        self._remember(exchange, key, await fingerprint_of(exchange))

    def _remember(self, exchange: Exchange, key: str, fingerprint: bytes) -> None:
        exchange.became_unknown = True
        now = self._clock()
        self._records.put(key, Record(fingerprint, now, "unknown", key), now=now)
        self._journal.end(key, "unknown", status=0, fingerprint=fingerprint)

    async def _keyed(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        names: tuple[str, ...],
        handler: Handler,
    ) -> web.StreamResponse:
        exchange.fingerprint = await fingerprint_of(exchange)
        key = await self._lookup.known_as(names)
        exchange.upstream_key = self._scope.upstream(key)
        while True:
            record = self._records.get(key, now=self._clock())
            refuse_another(record, exchange)
            flight = self._flights.get(key)
            if flight is None:
                self._refuse_forgotten(record)
                return await self._lead(request, exchange, key, record, handler)
            result, leader = await follow(flight, exchange, self._clock), flight.leader
            if not same_authority(leader, exchange):
                continue  # Dinie decides what another bearer may see
            if exchange.repeatable and wanted(leader) != wanted(exchange):
                continue  # it may be gzip, which only one of the two can read
            if result is None:
                refuse_second_send(leader, exchange)
                continue
            if takes_over(leader, exchange, now=self._clock().monotonic):
                # A refusal of ours must not promise that nothing was sent.
                exchange.unknown_sends = leader.unknown_sends
                continue
            copy_truth(leader, exchange)
            if isinstance(result, GatewayError):
                raise copy_of(result)
            return replay(result)

    def _refuse_forgotten(self, record: Record | None) -> None:
        """Refuse a key that Dinie has forgotten: the request would take effect again.

        Raises:
            IdempotencyExpired: as said.
        """
        if record is None:
            return
        # While the machine is suspended one clock stands still, and Dinie's does not.
        old = self._clock().longest_since(record.created_at) > KNOWN_AT_DINIE
        if old and self._options.expired == "refuse":
            raise IdempotencyExpired(
                "the key was used over a day ago, and Dinie has forgotten it: sent "
                "again, the request may take effect a second time. Read the resource; "
                "use a new key if it is to happen again"
            )

    async def _lead(
        self,
        request: web.BaseRequest,
        exchange: Exchange,
        key: str,
        before: Record | None,
        handler: Handler,
    ) -> web.StreamResponse:
        now = self._clock()
        flight = self._flights[key] = Flight(exchange)
        record = _record(exchange, before, now)
        exchange.in_doubt = before is not None and before.outcome == "unknown"
        self._records.put(key, record, now=now)
        result: web.Response | GatewayError | None = None
        status = 0
        try:
            await self._journal.begin(_intent(exchange, key))
            response = await handler(request)
            status = response.status
            record.outcome = _outcome(exchange, before, response.status)
            if flight.followed and isinstance(response, web.Response):
                result = copied(response)
            return response
        except GatewayError as error:
            if exchange.sends and not (exchange.caller_gone and exchange.repeatable):
                # A leader that left ends its own call only: a follower takes over,
                # except where the effect could not be repeated.
                result = error
            if not isinstance(error, OutcomeUnknown):
                record.outcome = _outcome(exchange, before, _REFUSED)
            raise
        finally:
            self._end(key, record, before, exchange, status)
            del self._flights[key]
            if not flight.done.done():
                flight.done.set_result(result)

    def _end(
        self,
        key: str,
        record: Record,
        before: Record | None,
        exchange: Exchange,
        status: int,
    ) -> None:
        """Note what became of a key; `status` 0: there was no response."""
        if record.outcome == "in_flight":
            record.outcome = "unknown"
        if exchange.sends == 0:
            self._put_back(key, before)
            return
        self._journal.end(key, record.outcome, status=status)
        if record.outcome == "unknown" and not exchange.in_doubt:
            exchange.became_unknown = True

    def _put_back(self, key: str, before: Record | None) -> None:
        """Leave a key as it was: nothing was sent under it."""
        if before is None:
            self._records.forget(key)
            self._journal.forget(key)
        else:
            self._records.put(key, before, now=self._clock())
            self._journal.end(key, before.outcome, status=0)


def _record(exchange: Exchange, before: Record | None, now: Instant) -> Record:
    """Return a key's record; a repeat goes upstream under the key of before."""
    if before is not None and before.upstream_key:
        exchange.upstream_key = before.upstream_key  # the namespace may be another
    created = before.created_at if before else now
    upstream = exchange.upstream_key or ""
    return Record(exchange.fingerprint, created, upstream_key=upstream)


def _intent(exchange: Exchange, key: str) -> Intent:
    return Intent(
        key,
        exchange.fingerprint,
        exchange.route,
        exchange.request_id,
        exchange.key_minted,
        exchange.upstream_key or "",
    )


def _outcome(exchange: Exchange, before: Record | None, status: int) -> str:
    """Return what is known of a key's effect; a refusal says nothing of the past."""
    doubtful = exchange.unknown_sends or (
        before is not None and before.outcome == "unknown"
    )
    return "unknown" if doubtful and status >= _REFUSED else "answered"
