"""Canary: a share of GETs with the next credential, and no failure for a caller."""

from types import SimpleNamespace
from typing import Any

import pytest

from gateway.core.exchange import Exchange
from gateway.core.secret import Secret
from gateway.core.upstream_response import UpstreamResponse
from gateway.credentials.canary import Canary, CanaryTokens, NextCredential
from gateway.credentials.token_source import TokenSource
from tests.exchanges import new_exchange
from tests.fakes import FakeClock, FakeTokenEndpoint, FakeTokenObserver

NEXT = {"next_client_id": Secret("id"), "next_client_secret": Secret("s")}


class Secrets:
    """Secrets in force, with or without a next credential."""

    def __init__(self, **fields: Secret) -> None:
        self.current: Any = SimpleNamespace(fields=fields, version="1")
        self.listeners: list[Any] = []

    async def refresh(self, reason: str) -> bool:
        raise AssertionError(reason)

    def add_listener(self, callback: Any) -> None:
        self.listeners.append(callback)

    def change(self, **fields: Secret) -> None:
        self.current = SimpleNamespace(fields=fields, version="2")
        for callback in self.listeners:
            callback()


class Scene:
    """A canary of all GETs, and what it did."""

    def __init__(self, *, share: float = 1.0, random: float = 0.5) -> None:
        self.secrets = Secrets(**NEXT)
        self.results: list[str] = []
        self.sent: list[str] = []
        self.marked: list[bool] = []
        self.status = 200
        self.ended = 0
        self.tokens = TokenSource(
            FakeTokenEndpoint(),
            NextCredential(self.secrets, guard=lambda *_: []),
            clock=FakeClock(),
            random=lambda: 0.0,
            observer=FakeTokenObserver(),
        )
        self.canary = Canary(
            self.tokens,
            share=share,
            random=lambda: random,
            on_result=self.results.append,
        )

    def _end(self) -> None:
        self.ended += 1

    async def send(self, method: str = "GET") -> UpstreamResponse | None:
        async def send(exchange: Exchange) -> UpstreamResponse:
            self.marked.append(exchange.canary)
            self.sent.append(exchange.authorization or "")
            response = UpstreamResponse(self.status, {}, None)
            response.hold_slot(self._end)
            return response

        exchange = new_exchange("r", method, "/", 0.0)
        try:
            return await self.canary.send(exchange, send)
        finally:
            self.marked.append(exchange.canary)


async def test_a_get_is_sent_with_the_next_credential() -> None:
    """Real calls find what a probe does not."""
    scene = Scene()
    await scene.tokens.step()

    answered = await scene.send()

    assert answered is not None
    assert (scene.sent, scene.results) == (["Bearer token-1"], ["ok"])


@pytest.mark.parametrize("status", [401, 403])
async def test_a_refusal_is_no_callers_business(status: int) -> None:
    """It is counted, and the GET goes on with the credential in force."""
    scene = Scene()
    scene.status = status
    await scene.tokens.step()

    answered = await scene.send()

    assert (answered, scene.results) == (None, ["refused"])
    assert scene.ended == 1


@pytest.mark.parametrize(
    ("method", "share"),
    [
        pytest.param("POST", 1.0, id="has-an-effect"),
        pytest.param("GET", 0.5, id="not-chosen"),
        pytest.param("GET", 0.0, id="switched-off"),
    ],
)
async def test_what_is_not_chosen_is_left_alone(method: str, share: float) -> None:
    """Money moves with the proven credential only."""
    scene = Scene(share=share)
    await scene.tokens.step()

    assert await scene.send(method) is None
    assert (scene.sent, scene.results) == ([], [])


async def test_without_a_rotation_there_is_no_canary() -> None:
    """Nearly always."""
    scene = Scene()
    scene.secrets.change()
    await scene.tokens.step()

    assert await scene.send() is None


async def test_a_credential_that_was_taken_away_is_used_no_more() -> None:
    """An abort is about to revoke it."""
    scene = Scene()
    await scene.tokens.step()
    scene.secrets.change()

    assert await scene.send() is None
    assert scene.sent == []


async def test_an_attempt_says_that_it_carries_another_credential() -> None:
    """Its quota is another one: the limiter must not learn from it."""
    scene = Scene()
    await scene.tokens.step()

    await scene.send()

    assert scene.marked == [True, False]


async def test_a_spent_quota_of_the_next_credential_is_no_callers_business() -> None:
    """The credential works; the call goes again with the one in force."""
    scene = Scene()
    await scene.tokens.step()
    scene.status = 429

    answered = await scene.send()

    assert answered is None
    assert (scene.results, scene.ended) == (["ok"], 1)


def test_only_failed_token_requests_are_counted() -> None:
    """The token metrics are of the credential in force."""
    results: list[str] = []
    observer = CanaryTokens(results.append)

    observer.token("start", "ok")
    observer.token("start", "refused")

    assert results == ["no_token"]


async def test_half_a_credential_is_none() -> None:
    """An operator is writing by hand."""
    secrets = Secrets(next_client_id=Secret("id"))

    assert NextCredential(secrets, guard=lambda *_: []).current is None
    secrets.current = None
    assert NextCredential(secrets, guard=lambda *_: []).current is None


def test_a_next_credential_of_another_environment_is_none() -> None:
    """It would be sent to a Dinie that must not see it."""
    seen: list[tuple[str, str]] = []

    def guard(client_id: str, secret: str) -> list[str]:
        seen.append((client_id, secret))
        return ["it is live"]

    assert NextCredential(Secrets(**NEXT), guard=guard).current is None
    assert seen == [("id", "s")]
