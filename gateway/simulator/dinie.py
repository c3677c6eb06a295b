"""Answers requests as Dinie would, and breaks the responses as faults say."""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from aiohttp import web

from gateway.core.clock import Clock, SystemClock
from gateway.core.dinie_routes import TOKEN_PATH
from gateway.simulator.api.bodies import body_fingerprint
from gateway.simulator.api.credentials import Credentials
from gateway.simulator.api.endpoints import register
from gateway.simulator.api.routes import Call, Operation, Routes
from gateway.simulator.api.tokens import Tokens
from gateway.simulator.boundary import read_body
from gateway.simulator.broken_responses import (
    duration,
    refuse_before,
    send,
    status_answer,
)
from gateway.simulator.faults import Fault, Faults
from gateway.simulator.ids import Ids
from gateway.simulator.journal import Entry, shown
from gateway.simulator.keys import Keys, fingerprint
from gateway.simulator.options import SimulatorOptions
from gateway.simulator.quota import Quota
from gateway.simulator.request import ApiRequest, call_of, read_request
from gateway.simulator.response import (
    Refusal,
    Reply,
    in_sdk_style,
    not_allowed,
    problem,
)
from gateway.simulator.webhooks.events import Herald
from gateway.simulator.webhooks.sender import WebhookSender
from gateway.simulator.world import World


class SimulatedDinie:
    """One simulated Dinie; `server.Simulator` gives it a socket."""

    def __init__(
        self, options: SimulatorOptions | None = None, clock: Clock | None = None
    ) -> None:
        """Create an empty Dinie.

        Args:
            options: How it behaves; by default as documented.
            clock: By default the system's.
        """
        self.options = options or SimulatorOptions()
        self._clock = clock or SystemClock()
        ids = Ids(self.options.seed)
        self._world = World(self.options, self._clock, ids)
        self.webhooks = WebhookSender(self._world)
        self.reset()

    def reset(self) -> None:
        """Begin anew: the same seed gives the same ids."""
        options, clock = self.options, self._clock
        ids = Ids(options.seed)
        self._world = World(options, clock, ids)
        self.webhooks.reset(self._world)
        self._world.observer = Herald(self._world, self.webhooks.emit)
        self.webhook_secret: str | None = None
        if options.webhook_url is not None:
            _, self.webhook_secret = self.add_endpoint(
                options.webhook_url, secret=options.webhook_secret
            )
        credentials = Credentials(self._world)
        self.tokens = Tokens(options, clock, ids, credentials)
        self._routes = Routes(self._world, self.tokens, credentials)
        self._keys = Keys(options, clock)
        self._quota = Quota(options, clock)
        self._faults = Faults(Ids(options.seed + 1))
        self.journal: list[Entry] = []

    @property
    def effects(self) -> Mapping[str, int]:
        """Return how often each idempotency key was really executed."""
        return self._keys.effects

    def count(self, kind: str) -> int:
        """Return how many `customers`, `loans`, `offers` and so on exist."""
        return len(self._world.kinds[kind])

    def fault(self, **fault: Any) -> None:
        """Plan a fault; see `faults.Fault` for its fields."""
        self._faults.plan(**fault)

    def clear_faults(self) -> None:
        """Forget all planned faults."""
        self._faults.clear()

    def step(self, identifier: str, to: str | None = None) -> dict[str, Any]:
        """Move a customer, an offer or a loan one step on, or to a status."""
        return self._world.step(identifier, to)

    def add_endpoint(
        self, url: str, events: list[str] | None = None, *, secret: str | None = None
    ) -> tuple[dict[str, Any], str]:
        """Add a webhook endpoint, here also of plain HTTP; return it and its secret."""
        return register(self._world, url, events, secret=secret)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request of the API."""
        body, refused = await read_body(request)
        asked = read_request(request, body)
        entry = self._enter(request, asked)
        fault = None
        try:
            if refused is not None:
                raise refused
            fault = self._faults.next(
                asked.method,
                asked.path,
                asked.headers.get("x-sim-fault"),
                entry.idempotency_key or "",
            )
            reply = await self._answer(asked, entry, fault)
        except Refusal as refusal:
            reply = refusal.reply
        if self._world.sdk:
            reply = in_sdk_style(reply)
        skewed = fault is not None and fault.kind == "clock_skew"
        quota = self._quota.headers(skew=duration(fault) if fault and skewed else 0.0)
        reply = Reply(reply.status, reply.body, {**reply.headers, **quota})
        return await send(request, reply, fault, entry)

    def _enter(self, request: web.Request, asked: ApiRequest) -> Entry:
        """Enter a request into the journal."""
        entry = Entry(
            seq=len(self.journal) + 1,
            at=self._clock.unix(),
            method=request.method,
            target=request.raw_path,
            headers=shown(list(request.headers.items())),
            body_sha256=hashlib.sha256(asked.body).hexdigest(),
            body_size=len(asked.body),
            idempotency_key=self._keys.key_of(asked.headers),
        )
        self.journal.append(entry)
        return entry

    async def _answer(
        self, asked: ApiRequest, entry: Entry, fault: Fault | None
    ) -> Reply:
        """Execute a request, or not, as a fault says."""
        if fault is None:
            return self._execute(asked, entry)
        entry.fault = fault.kind
        slow = fault.kind == "latency"
        if slow and not fault.processed:
            await asyncio.sleep(duration(fault))  # noqa: TID251 - takes real time
        if fault.kind == "token_expired":
            self.tokens.expire(asked.headers.get("authorization"))
        if (early := refuse_before(fault)) is not None:
            return early
        reply = self._execute(asked, entry)
        if slow and fault.processed:
            await self._hold(entry, duration(fault))
        return status_answer(fault) if fault.kind == "status" else reply

    async def _hold(self, entry: Entry, seconds: float) -> None:
        """Keep a response back; meanwhile its key counts as at work."""
        keys, key = self._keys, entry.idempotency_key if entry.executed else None
        keys.hold(key, held=True)
        try:
            await asyncio.sleep(seconds)  # noqa: TID251 - a fault takes real time
        finally:
            keys.hold(key, held=False)

    def _execute(self, asked: ApiRequest, entry: Entry) -> Reply:
        headers, body, key = asked.headers, asked.body, entry.idempotency_key
        try:
            if asked.route == TOKEN_PATH:
                return self.tokens.mint(headers, body)
            if (refused := self._quota.take()) is not None:
                return refused
            customer_id = self.tokens.check(headers.get("authorization"))
            call = call_of(asked, customer_id)
            if key is None or asked.method != "POST":
                reply = self._run(asked, call)
                entry.executed = asked.method != "GET" and _done(reply)
                return reply
            return self._once(asked, call, key, entry)
        except Refusal as refusal:
            return refusal.reply
        except ValueError:
            return problem(400, "malformed_body", "the body cannot be read")

    def _once(self, asked: ApiRequest, call: Call, key: str, entry: Entry) -> Reply:
        """Execute a POST under its key, or replay what it gave before."""
        content = body_fingerprint(asked.headers.get("content-type", ""), asked.body)
        print_ = fingerprint(asked.method, asked.path, content)
        replayed = self._keys.replay(key, print_)
        if replayed is not None:
            return Reply(replayed.status, replayed.body, dict(replayed.headers))
        reply = self._run(asked, call)
        self._keys.keep(key, reply)
        entry.executed = _done(reply)
        return reply

    def _run(self, asked: ApiRequest, call: Call) -> Reply:
        """Execute a call; a refusal is a response, too."""
        try:
            return self._operation(asked)(call, asked.identifier)
        except Refusal as refusal:
            return refusal.reply
        except (AttributeError, KeyError, TypeError, ValueError):
            # Fields of types that no operation expects.
            return problem(400, "malformed_body", "the body does not fit")

    def _operation(self, asked: ApiRequest) -> Operation:
        """Return what a request asks for.

        Raises:
            Refusal: 404 for an unknown path, 405 for a method that it does not have.
        """
        if asked.allowed:
            raise not_allowed(asked.allowed)
        if not asked.route:
            raise Refusal(404, "not_found", "no such route")
        return self._routes.table[asked.route][asked.method]

    @property
    def paths(self) -> list[tuple[str, str]]:
        """Return method and template of every operation, without prefix."""
        table = self._routes.table
        found = [(name, path) for path, methods in table.items() for name in methods]
        return [*found, ("POST", TOKEN_PATH)]

    def state(self) -> dict[str, Any]:
        """Return counts and effects, for assertions."""
        counts = {kind: len(records) for kind, records in self._world.kinds.items()}
        return {
            "counts": counts,
            "effects": dict(self.effects),
            "tokens_minted": self.tokens.minted,
            "profile": self.options.profile,
        }

    def dump(self) -> bytes:
        """Return journal and state as JSON."""
        entries = [entry.as_dict() for entry in self.journal]
        return orjson.dumps({"entries": entries, **self.state()})


def _done(reply: Reply) -> bool:
    return reply.status < 300  # noqa: PLR2004
