"""Dinie in a box: what does it answer, and what goes wrong on the way?"""

import asyncio
import hashlib
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import orjson
from aiohttp import web

from gateway.core.clock import Clock, SystemClock
from gateway.simulator.api.bodies import body_fingerprint, read_json, read_parts
from gateway.simulator.api.credentials import Credentials
from gateway.simulator.api.endpoints import register
from gateway.simulator.api.routes import Call, Routes
from gateway.simulator.api.tokens import Tokens
from gateway.simulator.boundary import LARGEST, as_problems, read_body
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
from gateway.simulator.response import Answer, Refusal, in_sdk_style, problem
from gateway.simulator.webhooks.events import Herald
from gateway.simulator.webhooks.sender import WebhookSender
from gateway.simulator.world import World

__all__ = ["Simulator", "SimulatorOptions"]
_PREFIXES = ("/api/v3", "/v3")
_UPLOADS = frozenset({"documents", "kyc-attachments", "selfie"})


class Simulator:
    """One simulated Dinie, listening on loopback."""

    def __init__(
        self, options: SimulatorOptions | None = None, clock: Clock | None = None
    ) -> None:
        self.options = options or SimulatorOptions()
        self._clock = clock or SystemClock()
        self._runner: web.AppRunner | None = None
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

    async def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Listen; return the port."""
        from gateway.simulator.admin import add_admin  # noqa: PLC0415 - it needs us

        application = web.Application(
            client_max_size=LARGEST, middlewares=(as_problems,)
        )
        add_admin(application, self, host=host)
        application.router.add_route("*", "/{path:(?s:.*)}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, host, port).start()
        await self.webhooks.start()
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        await self.webhooks.stop()

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        body, refused = await read_body(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        entry = self._enter(request, headers, body)
        fault = None
        try:
            if refused is not None:
                raise refused
            path = _bare(request.raw_path.partition("?")[0])
            asked, key = headers.get("x-sim-fault"), entry.idempotency_key or ""
            fault = self._faults.next(request.method, path, asked, key)
            answer = await self._answer(
                request, path, headers, body, entry, fault=fault
            )
        except Refusal as refusal:
            answer = refusal.answer
        if self._world.sdk:
            answer = in_sdk_style(answer)
        skewed = fault is not None and fault.kind == "clock_skew"
        told = self._quota.headers(skew=duration(fault) if fault and skewed else 0.0)
        answer = Answer(answer.status, answer.body, {**answer.headers, **told})
        return await send(request, answer, fault, entry)

    def _enter(
        self, request: web.Request, headers: dict[str, str], body: bytes
    ) -> Entry:
        """Enter a request into the journal."""
        entry = Entry(
            seq=len(self.journal) + 1,
            at=self._clock.unix(),
            method=request.method,
            target=request.raw_path,
            headers=shown(list(request.headers.items())),
            body_sha256=hashlib.sha256(body).hexdigest(),
            body_size=len(body),
            idempotency_key=self._keys.key_of(headers),
        )
        self.journal.append(entry)
        return entry

    async def _answer(
        self,
        request: web.Request,
        path: str,
        headers: dict[str, str],
        body: bytes,
        entry: Entry,
        *,
        fault: Fault | None,
    ) -> Answer:
        """Execute a request, or not, as a fault says."""
        if fault is None:
            return self._execute(request, path, headers, body, entry)
        entry.fault = fault.kind
        slow = fault.kind == "latency"
        if slow and not fault.processed:
            await asyncio.sleep(duration(fault))  # noqa: TID251 - takes real time
        if fault.kind == "token_expired":
            self.tokens.expire(headers.get("authorization"))
        if (early := refuse_before(fault)) is not None:
            return early
        answer = self._execute(request, path, headers, body, entry)
        if slow and fault.processed:
            await self._hold(entry, duration(fault))
        return status_answer(fault) if fault.kind == "status" else answer

    async def _hold(self, entry: Entry, seconds: float) -> None:
        """Keep an answer back; meanwhile its key counts as at work."""
        keys, key = self._keys, entry.idempotency_key if entry.executed else None
        keys.hold(key, held=True)
        try:
            await asyncio.sleep(seconds)  # noqa: TID251 - a fault takes real time
        finally:
            keys.hold(key, held=False)

    def _execute(
        self,
        request: web.Request,
        path: str,
        headers: dict[str, str],
        body: bytes,
        entry: Entry,
    ) -> Answer:
        key = entry.idempotency_key
        try:
            if path == "/auth/token" and request.method == "POST":
                return self.tokens.mint(headers, body)
            if (refused := self._quota.take()) is not None:
                return refused
            customer_id = self.tokens.check(headers.get("authorization"))
            call = _call(request, path, headers, body, customer_id)
            if key is None or request.method != "POST":
                answer = self._run(call)
                entry.executed = request.method != "GET" and _done(answer)
                return answer
            content = body_fingerprint(headers.get("content-type", ""), body)
            return self._once(call, key, fingerprint(call.method, path, content), entry)
        except Refusal as refusal:
            return refusal.answer
        except ValueError:
            return problem(400, "malformed_body", "the body cannot be read")

    def _once(self, call: Call, key: str, print_: str, entry: Entry) -> Answer:
        """Execute a POST under its key, or replay what it gave before."""
        kept = self._keys.replay(key, print_)
        if kept is not None:
            return Answer(kept.status, kept.body, dict(kept.headers))
        answer = self._run(call)
        self._keys.keep(key, answer)
        entry.executed = _done(answer)
        return answer

    def _run(self, call: Call) -> Answer:
        """Execute a call; a refusal is an answer, too."""
        try:
            return self._routes.answer(call)
        except Refusal as refusal:
            return refusal.answer
        except (AttributeError, KeyError, TypeError, ValueError):
            # Fields of types that nobody expects.
            return problem(400, "malformed_body", "the body does not fit")

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


def _done(answer: Answer) -> bool:
    return answer.status < 300  # noqa: PLR2004


def _bare(path: str) -> str:
    for prefix in _PREFIXES:
        if path == prefix or path.startswith(prefix + "/"):
            return path[len(prefix) :] or "/"
    return path


def _call(
    request: web.Request,
    path: str,
    headers: dict[str, str],
    body: bytes,
    customer_id: str | None,
) -> Call:
    segments = [unquote(segment) for segment in path.split("/")[1:]]
    call = Call(
        request.method,
        segments,
        query=request.raw_path.partition("?")[2],
        customer_id=customer_id,
    )
    content_type = headers.get("content-type", "")
    if request.method == "POST" and segments and segments[-1] in _UPLOADS:
        call.parts = read_parts(content_type, body)
    elif request.method in {"POST", "PATCH", "PUT"}:
        call.content = read_json(content_type, body)
    return call
