"""Gives each POST one key, and each key one request at a time.

Outside the retry, so that all attempts share one key and one record.
"""

from collections.abc import Callable
from functools import partial

from aiohttp import web

from gateway.core.clock import Instant
from gateway.core.errors import (
    GatewayError,
    IdempotencyExpired,
    OutcomeUnknown,
)
from gateway.core.exchange import Exchange
from gateway.core.stage import EXCHANGE, Handler
from gateway.idempotency.fingerprint import fingerprint_of
from gateway.idempotency.flight import Flight, copy_facts, follow, takes_over
from gateway.idempotency.generated import KeyGenerator
from gateway.idempotency.lookup import Lookup
from gateway.idempotency.memory import MemoryRecords
from gateway.idempotency.options import IdempotencyOptions
from gateway.idempotency.policy import callers_key
from gateway.idempotency.ports import Intent, Ledger, Record
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

KNOWN_AT_DINIE = 86_400.0 - 300.0  # s; a day, less what clocks may differ by
_REFUSED = 400  # from here on this send had no effect; others may have had one


class IdempotencyStage:
    """Innermost stage on the caller's side; shares a response among equal requests."""

    def __init__(
        self,
        options: IdempotencyOptions,
        records: MemoryRecords,
        clock: Callable[[], Instant],
        ledger: Ledger,
        scope: Scope,
    ) -> None:
        """Begin with no request in flight.

        Args:
            options: Header, and what happens to a key that Dinie has forgotten.
            records: What is known of keys, in memory.
            clock: Returns the present moment on both clocks.
            ledger: What must outlive the process (ADR 11).
            scope: Whose keys are the same key.
        """
        self._options = options
        self._scope = scope
        self._records = records
        self._clock = clock
        self._ledger = ledger
        self._flights: dict[str, Flight] = {}
        self._generated = KeyGenerator()
        self._lookup = Lookup(records, clock, ledger)

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
        key = callers_key(exchange.head.control)
        if key is not None:
            exchange.key = key
            names = self._scope.names(exchange.caller, key)
            if exchange.method == "POST":
                return await self._keyed(request, exchange, names, handler)
            exchange.upstream_key = self._scope.upstream(names[0])
        elif exchange.method == "POST":
            exchange.key = exchange.upstream_key = key = self._generated.new()
            exchange.key_generated = True
            return await self._with_generated_key(request, exchange, key, handler)
        return await handler(request)

    async def _with_generated_key(
        self, request: web.BaseRequest, exchange: Exchange, key: str, handler: Handler
    ) -> web.StreamResponse:
        """A generated key cannot collide: a record is kept only if unknown."""
        exchange.fingerprint = await fingerprint_of(exchange)
        intent = self._intend(exchange, key)
        unknown = True
        try:
            response = await handler(request)
            refused = response.status >= _REFUSED
            unknown = refused and bool(exchange.history.unknown_sends)
            return response
        except OutcomeUnknown:
            raise
        except GatewayError:
            unknown = bool(exchange.history.unknown_sends)
            raise
        except BaseException:
            # A fault of ours, or the end of the process, with a send under way.
            unknown = exchange.history.sends > 0
            raise
        finally:
            if unknown:
                self._remember(exchange, intent)
            elif exchange.before_send is None:
                self._ledger.forget(key)

    def _intend(self, exchange: Exchange, key: str) -> Intent:
        """Have an intent written down right before the first byte; return it.

        Not earlier: what waits for a permit, a slot or a connection when the process
        is killed was never sent, and must not be called unknown afterwards.
        """
        intent = Intent(
            key,
            exchange.fingerprint,
            exchange.target.route,
            exchange.request_id,
            exchange.key_generated,
            exchange.upstream_key or "",
        )
        exchange.before_send = partial(self._ledger.begin, intent)
        return intent

    def _remember(self, exchange: Exchange, intent: Intent) -> None:
        """Keep a generated key: one of its sends may have taken effect."""
        exchange.history.became_unknown = True
        now, key = self._clock(), intent.key
        record = Record(intent.fingerprint, now, "unknown", key)
        self._records.put(key, record, now=now)
        self._ledger.end(intent, "unknown", status=0)

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
            if exchange.target.repeatable and wanted(leader) != wanted(exchange):
                continue  # it may be gzip, which only one of the two can read
            if result is None:
                refuse_second_send(leader, exchange)
                continue
            if takes_over(leader, exchange, now=self._clock().monotonic):
                # A refusal of ours must not promise that nothing was sent.
                exchange.history.unknown_sends = leader.history.unknown_sends
                continue
            copy_facts(leader, exchange)
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
        intent = self._intend(exchange, key)
        result: web.Response | GatewayError | None = None
        status = 0
        try:
            response = await handler(request)
            status = response.status
            record.outcome = _outcome(exchange, before, response.status)
            if flight.followed and isinstance(response, web.Response):
                result = copied(response)
            return response
        except GatewayError as error:
            left = exchange.caller_gone and exchange.target.repeatable
            if exchange.history.sends and not left:
                # A leader that left ends its own call only: a follower takes over,
                # except where the effect could not be repeated.
                result = error
            if not isinstance(error, OutcomeUnknown):
                record.outcome = _outcome(exchange, before, _REFUSED)
            raise
        finally:
            self._end(intent, record, before, exchange, status)
            del self._flights[key]
            if not flight.done.done():
                flight.done.set_result(result)

    def _end(
        self,
        intent: Intent,
        record: Record,
        before: Record | None,
        exchange: Exchange,
        status: int,
    ) -> None:
        """Note what became of a key; `status` 0: there was no response."""
        if record.outcome == "in_flight":
            record.outcome = "unknown"
        if exchange.history.sends == 0:
            self._put_back(intent, before, begun=exchange.before_send is None)
            return
        self._ledger.end(intent, record.outcome, status=status)
        if record.outcome == "unknown" and not exchange.in_doubt:
            exchange.history.became_unknown = True

    def _put_back(self, intent: Intent, before: Record | None, *, begun: bool) -> None:
        """Leave a key as it was: nothing was sent under it."""
        if before is None:
            self._records.forget(intent.key)
            if begun:
                self._ledger.forget(intent.key)
            return
        self._records.put(intent.key, before, now=self._clock())
        if begun:
            self._ledger.end(intent, before.outcome, status=0)


def _record(exchange: Exchange, before: Record | None, now: Instant) -> Record:
    """Return a key's record; a repeat goes upstream under the key of before."""
    if before is not None and before.upstream_key:
        exchange.upstream_key = before.upstream_key  # the namespace may be another
    created = before.created_at if before else now
    upstream = exchange.upstream_key or ""
    return Record(exchange.fingerprint, created, upstream_key=upstream)


def _outcome(exchange: Exchange, before: Record | None, status: int) -> str:
    """Return what is known of a key's effect; a refusal says nothing of the past."""
    doubtful = exchange.history.unknown_sends or (
        before is not None and before.outcome == "unknown"
    )
    return "unknown" if doubtful and status >= _REFUSED else "answered"
