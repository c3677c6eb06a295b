"""A late response for the old credential put its token over the proven one."""

import asyncio

from gateway.core.secret import Secret
from gateway.credentials.policy import Grant, Transient
from gateway.credentials.token_source import TokenSource
from tests.fakes import (
    FakeClock,
    FakeCredential,
    FakeSecrets,
    FakeTokenEndpoint,
    FakeTokenObserver,
)


class Gated(FakeTokenEndpoint):
    """Answers a version's mints only once its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = {"1": asyncio.Event(), "2": asyncio.Event()}

    async def request_token(self, credential: object) -> Grant:
        version = getattr(credential, "version", "")
        await self.gates[version].wait()
        return Grant(Secret(f"token-of-{version}"), 3600)


def source(endpoint: FakeTokenEndpoint, secrets: FakeSecrets) -> TokenSource:
    return TokenSource(
        endpoint,
        secrets,
        clock=FakeClock(),
        random=lambda: 0.0,
        observer=FakeTokenObserver(),
    )


async def test_a_token_of_the_credential_before_is_not_kept() -> None:
    """Requests would go on with what the rotation is about to revoke."""
    endpoint, secrets = Gated(), FakeSecrets("1")
    tokens = source(endpoint, secrets)
    renewing = asyncio.ensure_future(tokens.step())
    await asyncio.sleep(0)
    endpoint.gates["2"].set()
    assert await tokens.prove(FakeCredential("2")) == "good"
    secrets.change("2")

    endpoint.gates["1"].set()
    await renewing

    held = tokens.usable()
    assert held is not None
    assert (held.secret_version, held.header) == ("2", "Bearer token-of-2")


async def test_a_proven_token_is_there_for_whoever_waits() -> None:
    """They would wait for a renewal that is no longer due."""
    endpoint = FakeTokenEndpoint(Transient("timeout"))
    secrets = FakeSecrets("1")
    tokens = source(endpoint, secrets)
    waiting = asyncio.ensure_future(tokens.token(deadline=2000.0))
    await tokens.step()
    await asyncio.sleep(0)

    await tokens.prove(FakeCredential("2"))

    token = await asyncio.wait_for(waiting, 5)
    assert token.secret_version == "2"
