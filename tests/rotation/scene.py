"""A rotation beside a Vault and a Dinie that are dictionaries, crashing anywhere."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from typing import Any

from gateway.core.secret import Secret
from gateway.rotation.context import Context
from gateway.rotation.options import RotationOptions
from gateway.rotation.policy import ListedCredential
from gateway.rotation.ports import (
    Conflict,
    Created,
    CredentialRefused,
    EndpointUnknown,
    Fields,
    NewSecret,
    Pair,
)
from gateway.rotation.rotation import Progress, Rotation
from gateway.rotation.webhook_secret import WebhookRotation
from tests.fakes import FakeClock

DAY = 86_400.0
SWIFT = RotationOptions(canary=0, soak=0, idle=0, lock_ttl=60)
BUSY_OLD = RotationOptions(canary=0, soak=0, idle=7200, lock_ttl=60)
LONG_SOAK = RotationOptions(canary=0, soak=DAY, lock_ttl=60)
LONG_CANARY = RotationOptions(canary=600, soak=0, idle=0, lock_ttl=60)


class Crash(BaseException):
    """The process ends here."""


class World:
    """What outlives a crash: Vault's two secrets and Dinie's credentials."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.secret: dict[str, str] = {
            "client_id": "old",
            "client_secret": "s-old",
            "webhook_secret": "whsec_a",
        }
        self.state: dict[str, str] = {}
        self.version = self.state_version = 1
        self.state_written = clock.unix()  # by the store's own clock
        self.state_gone: str | None = None
        self.known = {"old": self._record("old", "first")}
        self.replies: dict[str, Created] = {}
        self.endpoints = ["we_1"]
        self.signing: dict[str, NewSecret] = {}
        self.created: list[str] = []
        self.revoked: list[str] = []
        self.broken: set[str] = set()  # client ids that get no token
        self.writes = 0  # of anything, anywhere
        self.crash_at = 0  # the write that ends the process; 0: none
        self.crashed = False  # a dead process writes no more
        self.before = False  # whether it ends before the write takes effect

    def _record(self, client_id: str, name: str) -> ListedCredential:
        now = self.clock.unix()
        return ListedCredential(client_id, name, True, now, None, None)

    def written(self) -> None:
        """Count a write, or crash."""
        self.writes += 1

    def check(self, *, before: bool) -> None:
        if self.writes + before == self.crash_at and self.before is before:
            self.crashed = True
        if self.crashed:
            raise Crash

    def restart(self) -> None:
        """Let the next process live."""
        self.crash_at, self.crashed = 0, False


class DictStore:
    """One process's view of Vault."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def secret(self) -> Fields:
        held = {name: Secret(value) for name, value in self.world.secret.items()}
        return Fields(held, version=self.world.version)

    async def change(
        self, fields: Mapping[str, Secret | None], *, since: Fields
    ) -> None:
        # At once, as Vault's check-and-set makes it; a test that changes the dictionary
        # is a human, whose write makes a version, too.
        edited = dict(since) != await self.secret()
        if edited or since.version != self.world.version:
            raise Conflict("the secret is not what it was")
        self.world.check(before=True)
        for name, value in fields.items():
            self.world.secret.pop(name, None)
            if value is not None:
                self.world.secret[name] = value.reveal()
        self.world.version += 1
        self.world.written()
        self.world.check(before=False)

    async def state(self) -> Fields:
        held = {name: Secret(value) for name, value in self.world.state.items()}
        return Fields(
            held,
            version=self.world.state_version,
            created=self.world.state_written,
            gone=self.world.state_gone,
        )

    async def write_state(self, fields: Mapping[str, Secret], *, since: int) -> int:
        if since != self.world.state_version:
            raise Conflict("another run wrote")
        self.world.check(before=True)
        self.world.state = {name: value.reveal() for name, value in fields.items()}
        self.world.state_version += 1
        self.world.state_written = self.world.clock.unix()
        self.world.state_gone = None
        made = self.world.state_version
        self.world.written()
        self.world.check(before=False)
        return made


class DictDinie:
    """Dinie's credentials API, with its idempotency keys."""

    def __init__(self, world: World) -> None:
        self.world = world

    async def create(self, by: Pair, *, name: str, key: str) -> Created:
        self._check(by)
        self.world.check(before=True)
        if key not in self.world.replies:
            client_id = f"new-{len(self.world.created) + 1}"
            self.world.created.append(client_id)
            self.world.known[client_id] = self.world._record(client_id, name)
            pair = Pair(Secret(client_id), Secret(f"s-{client_id}"))
            self.world.replies[key] = Created(pair, self.world.clock.unix(), None)
        self.world.written()
        self.world.check(before=False)
        return self.world.replies[key]

    async def credentials(self, by: Pair) -> Sequence[ListedCredential]:
        self._check(by)
        return list(self.world.known.values())

    async def prove(self, pair: Pair) -> None:
        self._check(pair)

    def _check(self, pair: Pair) -> None:
        client_id = pair.client_id.reveal()
        known = self.world.known.get(client_id)
        right = pair.client_secret.reveal() == f"s-{client_id}"
        if known is None or not right or client_id in self.world.broken:
            raise CredentialRefused("Dinie's token endpoint refuses the credential.")

    async def endpoints(self, by: Pair) -> Sequence[str]:
        self._check(by)
        return self.world.endpoints

    async def rotate_webhook(self, by: Pair, endpoint: str, *, key: str) -> NewSecret:
        self._check(by)
        if endpoint not in self.world.endpoints:
            raise EndpointUnknown("Dinie does not know the webhook endpoint.")
        self.world.check(before=True)
        if key not in self.world.signing:
            number = len(self.world.signing) + 1
            until = self.world.clock.unix() + DAY
            self.world.signing[key] = NewSecret(Secret(f"whsec_{number}"), until)
        self.world.written()
        self.world.check(before=False)
        return self.world.signing[key]

    async def revoke(self, by: Pair, client_id: str) -> None:
        self._check(by)
        assert by.client_id.reveal() != client_id, "it would revoke itself"
        self.world.check(before=True)
        if self.world.known.pop(client_id, None) is not None:
            self.world.revoked.append(client_id)
        self.world.written()
        self.world.check(before=False)


class Scene:
    """Runs the command again and again."""

    def __init__(self, options: RotationOptions = SWIFT) -> None:
        self.clock = FakeClock()
        self.world = World(self.clock)
        self.options = options
        self.said: list[str] = []
        self.faults: dict[str, list[str]] = {}  # by client id
        self._ids = count(1)
        self._holders = count(1)

    def context(self) -> Context:
        """Return the world as a new process has it."""
        return Context(
            store=DictStore(self.world),
            dinie=DictDinie(self.world),
            options=self.options,
            clock=self.clock,
            new_id=lambda: f"id{next(self._ids)}",
            holder=f"process-{next(self._holders)}",
            guard=self._guard,
            report=self.said.append,
        )

    def process(self, context: Context | None = None) -> Rotation:
        """Return a rotation of a new process."""
        return Rotation(context or self.context())

    async def webhook(
        self, *, now: bool = False, endpoint: str | None = None
    ) -> Progress:
        made = WebhookRotation(self.context(), endpoint=endpoint)
        return await made.run(now=now)

    async def run(self, *, now: bool = False) -> Progress:
        return await self.process().run(now=now)

    async def abort(self) -> Progress:
        return await self.process().abort()

    async def abort_wholly(self) -> None:
        """Go back, and wait for what that waits for."""
        await self.abort()
        self.clock.advance(200)
        if self.phase != "aborted":
            await self.abort()

    def uses_old(self) -> None:
        """Have the old credential used now."""
        old = self.world.known["old"]
        self.world.known["old"] = replace(old, last_used=self.clock.unix())

    async def killed_at(self, phase: str, *, abort: bool = False) -> None:
        """Run until a phase is written down, and die there."""
        context = self.context()
        store: Any = context.store
        write = store.write_state

        async def last(fields: Any, **since: Any) -> Any:
            version = await write(fields, **since)
            if self.phase == phase:
                self.world.crashed = True
                raise Crash
            return version

        store.write_state = last
        run = self.process(context)
        with suppress(Crash):
            await (run.abort() if abort else run.run(now=not self.phase))
        assert self.world.crashed, f"it never came to {phase!r}"
        self.world.restart()
        self.clock.advance(61)

    def lose_state(self) -> None:
        """Destroy the newest version of the state."""
        self.world.state = {}
        self.world.state_gone = "destroyed"

    def puts(self, client_id: str) -> None:
        """Put a credential in force by hand; Dinie knows it."""
        self.world.secret |= {"client_id": client_id, "client_secret": f"s-{client_id}"}
        self.world.known.setdefault(client_id, self.world._record(client_id, "x"))

    def next_fields(self) -> list[str]:
        """Return what of next_* is there."""
        return [name for name in self.world.secret if name.startswith("next_")]

    def _guard(self, pair: Pair) -> list[str]:
        return self.faults.get(pair.client_id.reveal(), [])

    @property
    def phase(self) -> str:
        return self.world.state.get("phase", "")
