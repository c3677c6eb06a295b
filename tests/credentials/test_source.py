"""TokenSource: one token, renewed in time, by one task."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest

from gateway.clock import SystemClock
from gateway.credentials.policy import Grant, Refused, Token, Transient
from gateway.credentials.ports import Credential
from gateway.credentials.source import TokenSource
from gateway.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.secret import Secret
from tests.fakes import FakeClock


class FakeCredential:
    """A client credential."""

    def __init__(self, version: str = "1") -> None:
        self.client_id = Secret("dinie_ci_test_x")
        self.client_secret = Secret("dinie_cs_test_x")
        self.version = version


class FakeSecrets:
    """A source of credentials that changes when told."""

    def __init__(self, *, known: bool = True) -> None:
        self.current: FakeCredential | None = FakeCredential() if known else None
        self.next: FakeCredential | None = None
        self.listeners: list[object] = []
        self.refreshed = 0

    async def refresh(self, reason: str) -> bool:
        """Take the next credential over, if there is one."""
        del reason
        self.refreshed += 1
        if self.next is None:
            return False
        self.current, self.next = self.next, None
        self._tell()
        return True

    def change(self, credential: FakeCredential) -> None:
        """Change the credential, as a background read would."""
        self.current = credential
        self._tell()

    def _tell(self) -> None:
        for listener in self.listeners:
            assert callable(listener)
            listener()

    def add_listener(self, callback: object) -> None:
        """Remember a callback."""
        self.listeners.append(callback)


class FakeEndpoint:
    """A token endpoint that answers by a script, with good tokens afterwards."""

    def __init__(self, *script: Grant | Refused | Transient) -> None:
        self.script = list(script)
        self.calls = 0
        self.gate: asyncio.Event | None = None

    async def mint(self, credential: Credential) -> Grant | Refused | Transient:
        """Answer the next step."""
        del credential
        self.calls += 1
        if self.gate is not None:
            await self.gate.wait()
        if self.script:
            return self.script.pop(0)
        return Grant(Secret(f"dinie_at_{self.calls}"), 3600.0)


class Notes:
    """Notes how renewals went."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str]] = []

    def token(self, reason: str, result: str) -> None:
        """Note one try."""
        self.seen.append((reason, result))


def make(
    endpoint: FakeEndpoint, secrets: FakeSecrets, clock: object
) -> tuple[TokenSource, Notes]:
    notes = Notes()
    source = TokenSource(
        endpoint,
        secrets,
        clock=clock,  # type: ignore[arg-type] # either clock
        random=lambda: 0.0,
        observer=notes,
    )
    return source, notes


@asynccontextmanager
async def running(source: TokenSource) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(source.run())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def soon() -> float:
    return SystemClock.now() + 5


async def test_a_hundred_callers_make_one_mint() -> None:
    """A cold start under load must not be a burst at the token endpoint."""
    endpoint = FakeEndpoint()
    endpoint.gate = asyncio.Event()
    source, _ = make(endpoint, FakeSecrets(), SystemClock())
    async with running(source):
        callers = [
            asyncio.ensure_future(source.token(deadline=soon())) for _ in range(100)
        ]
        await asyncio.sleep(0.01)
        endpoint.gate.set()

        tokens = await asyncio.gather(*callers)

    assert endpoint.calls == 1
    assert {token.header for token in tokens} == {"Bearer dinie_at_1"}


async def test_a_token_is_renewed_at_four_fifths_of_its_life() -> None:
    """A caller should never have to wait for a renewal."""
    clock = FakeClock(now=1000.0)
    source, notes = make(FakeEndpoint(), FakeSecrets(), clock)
    await source.step()

    due = source._due_in()
    clock.advance(due)
    await source.step()

    assert due == 2880.0
    assert notes.seen == [("start", "ok"), ("scheduled", "ok")]
    token = source.usable()
    assert token is not None
    assert token.generation == 2


async def test_an_expired_token_is_never_sent() -> None:
    """Dinie would answer 401, and the replay would cost quota."""
    clock = FakeClock(now=1000.0)
    source, _ = make(FakeEndpoint(), FakeSecrets(), clock)
    await source.step()

    clock.advance(3569.0)
    before = source.usable()
    clock.advance(2.0)

    assert before is not None
    assert source.usable() is None


async def test_a_failing_renewal_keeps_the_token_that_still_lives() -> None:
    """An outage of the token endpoint is nobody's business for most of an hour."""
    clock = FakeClock(now=1000.0)
    endpoint = FakeEndpoint(
        Grant(Secret("dinie_at_first"), 3600.0), Transient("timeout")
    )
    source, _ = make(endpoint, FakeSecrets(), clock)
    await source.step()
    clock.advance(2900.0)

    await source.step()

    token = source.usable()
    assert token is not None
    assert token.header == "Bearer dinie_at_first"


async def test_a_token_that_expired_unrenewed_fails_fast() -> None:
    """Waiting out every deadline would pile up callers behind a dead endpoint."""
    clock = FakeClock(now=1000.0)
    endpoint = FakeEndpoint(
        Grant(Secret("dinie_at_first"), 3600.0),
        Transient("timeout"),
        Transient("timeout"),
    )
    source, _ = make(endpoint, FakeSecrets(), clock)
    await source.step()
    clock.advance(4000.0)
    await source.step()
    await source.step()

    with pytest.raises(CredentialsUnavailable) as refused:
        await source.token(deadline=clock.now() + 20)

    assert refused.value.retry_after is not None


async def test_a_late_401_for_an_old_token_keeps_the_newer_one() -> None:
    """Otherwise one slow answer would start a storm of renewals."""
    endpoint = FakeEndpoint()
    source, _ = make(endpoint, FakeSecrets(), FakeClock())
    await source.step()
    old = source.usable()
    assert old is not None
    await source.step()

    token = await source.renewed(old, deadline=2000.0)

    assert (token.generation, endpoint.calls) == (2, 2)


async def test_a_rejected_token_is_renewed_once_for_all_who_saw_it() -> None:
    """Fifty calls in flight see the same 401; one renewal serves them."""
    endpoint = FakeEndpoint()
    source, notes = make(endpoint, FakeSecrets(), SystemClock())
    async with running(source):
        stale = await source.token(deadline=soon())

        tokens = await asyncio.gather(
            *(source.renewed(stale, deadline=soon()) for _ in range(50))
        )

    assert endpoint.calls == 2
    assert {token.generation for token in tokens} == {2}
    assert notes.seen == [("start", "ok"), ("rejected", "ok")]


async def test_a_401_just_after_a_forced_renewal_is_answered_at_once() -> None:
    """A credential that mints useless tokens must not mint them all day."""
    clock = FakeClock(now=1000.0)
    source, _ = make(FakeEndpoint(), FakeSecrets(), clock)
    await source.step()
    first = source.usable()
    assert first is not None
    waiting = asyncio.ensure_future(source.renewed(first, deadline=1010.0))
    await asyncio.sleep(0)
    await source.step()
    second = await waiting
    clock.advance(2.0)

    with pytest.raises(UpstreamAuthFailed) as refused:
        await source.renewed(second, deadline=1010.0)

    assert refused.value.retry_after == 3.0


async def test_a_refused_credential_is_asked_about_once_a_minute() -> None:
    """Hammering a token endpoint with a bad secret gets a client locked."""
    clock = FakeClock(now=1000.0)
    endpoint, secrets = FakeEndpoint(Refused(401)), FakeSecrets()
    source, _ = make(endpoint, secrets, clock)
    await source.step()

    with pytest.raises(UpstreamAuthFailed) as refused:
        await source.token(deadline=1020.0)

    assert refused.value.retry_after == 60.0
    assert (source._due_in(), secrets.refreshed, endpoint.calls) == (60.0, 1, 1)


async def test_a_new_version_of_the_secret_ends_the_pause() -> None:
    """The fix of a bad secret must work at once, not in a minute."""
    clock = FakeClock(now=1000.0)
    secrets = FakeSecrets()
    source, notes = make(FakeEndpoint(Refused(401)), secrets, clock)
    await source.step()

    secrets.change(FakeCredential("2"))
    due = source._due_in()
    await source.step()

    assert due == 0.0
    assert notes.seen[-1][1] == "ok"


async def test_a_refusal_that_a_fresh_read_explains_costs_no_pause() -> None:
    """The secret was rotated a moment ago: the re-read finds the new one."""
    secrets = FakeSecrets()
    secrets.next = FakeCredential("2")
    source, _ = make(FakeEndpoint(Refused(400)), secrets, FakeClock())

    await source.step()
    await source.step()

    token = source.usable()
    assert token is not None
    assert token.secret_version == "2"


async def test_a_changed_secret_is_used_while_the_old_token_still_serves() -> None:
    """A rotation must not cost a request."""
    secrets = FakeSecrets()
    source, notes = make(FakeEndpoint(), secrets, FakeClock())
    await source.step()

    secrets.change(FakeCredential("2"))
    due, still = source._due_in(), source.usable()
    await source.step()

    assert (due, still is not None) == (0.0, True)
    assert notes.seen[-1] == ("secret_changed", "ok")


async def test_a_caller_waits_for_the_first_token_no_longer_than_its_deadline() -> None:
    """A pod that starts before Vault must answer its callers all the same."""
    source, _ = make(FakeEndpoint(), FakeSecrets(known=False), SystemClock())
    async with running(source):
        with pytest.raises(CredentialsUnavailable):
            await source.token(deadline=SystemClock.now() + 0.05)


async def test_a_caller_that_leaves_harms_nobody() -> None:
    """Its cancellation must not cancel the mint that others wait for."""
    endpoint = FakeEndpoint()
    endpoint.gate = asyncio.Event()
    source, _ = make(endpoint, FakeSecrets(), SystemClock())
    async with running(source):
        leaver = asyncio.ensure_future(source.token(deadline=soon()))
        stayer = asyncio.ensure_future(source.token(deadline=soon()))
        await asyncio.sleep(0.01)
        leaver.cancel()
        endpoint.gate.set()

        token = await stayer

    assert isinstance(token, Token)
    assert endpoint.calls == 1


async def test_one_failed_try_is_sat_through_by_waiting_callers() -> None:
    """A dropped connection at the token endpoint is no reason to fail a loan."""
    endpoint = FakeEndpoint(Transient("unreachable"))
    source, notes = make(endpoint, FakeSecrets(), SystemClock())
    async with running(source):
        token = await source.token(deadline=soon())

    assert token.generation == 1
    assert [result for _, result in notes.seen] == ["unreachable", "ok"]


def test_a_token_never_shows_itself() -> None:
    """Tracebacks and debuggers print reprs."""
    source, _ = make(FakeEndpoint(), FakeSecrets(), FakeClock())

    assert "dinie" not in repr(source)
