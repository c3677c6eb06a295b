"""Connection: a call is repeated where that is safe, and never waited for long."""

import asyncio

import pytest
from aiohttp import web

from gateway.core.secret import Secret
from gateway.secrets.ports import SecretsUnavailable
from gateway.vault.client import VaultClient
from gateway.vault.connection import Connection
from tests.fakes import FakeClock
from tests.vault.kv import errors
from tests.vault.scene import TOKEN, Scene


def connection(scene: Scene, timeout: float = 2.0) -> Connection:
    return Connection(
        scene.vault.address,
        namespace=None,
        ca_file=None,
        timeout=timeout,
        clock=FakeClock(),
        random=lambda: 0.5,
    )


@pytest.mark.parametrize(("kind", "calls"), [("token", 3), ("login", 1), ("write", 1)])
async def test_what_may_have_been_done_is_not_repeated(
    scene: Scene, kind: str, calls: int
) -> None:
    """A 500 may come after a use of the secret id was spent, or a version written."""
    scene.vault.canned = lambda: errors(500, "internal error")
    made = connection(scene)

    with pytest.raises(SecretsUnavailable):
        await made.send(
            made.describe(kind, "auth/token/lookup-self"),
            Secret(TOKEN),
            lambda vault: vault.auth.token.lookup_self(),
        )

    made.close()
    assert len(scene.vault.calls) == calls


async def test_a_drip_is_given_up_although_every_byte_is_in_time(scene: Scene) -> None:
    """Each byte starts the library's own time-out again."""
    given_up = asyncio.Event()

    async def drip(request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse(headers={"Content-Type": "application/json"})
        await answer.prepare(request)
        while not given_up.is_set():
            await answer.write(b" ")
            await asyncio.sleep(0.03)
        return answer

    runner = web.ServerRunner(web.Server(drip), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    dripping = VaultClient(address, namespace=None, ca_file=None, timeout=0.1)

    with pytest.raises(SecretsUnavailable) as caught:
        await dripping.look_up(Secret(TOKEN))  # the drip alone would never end
    given_up.set()
    dripping.close()
    await runner.cleanup()

    assert caught.value.reason == "timeout"
    assert scene.vault.calls == []
