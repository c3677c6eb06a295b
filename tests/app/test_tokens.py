"""The token sources: their wiring to the secrets and to the endpoint's own circuit."""

from aiohttp import web

from gateway.app.secrets import build_secrets
from gateway.app.tokens import build_tokens
from gateway.config.load import load
from gateway.telemetry.metrics import Metrics
from tests.fakes import FakeClock

CREDENTIAL = {
    "DINIE_CLIENT_ID": "dinie_ci_test_x",
    "DINIE_CLIENT_SECRET": "dinie_cs_test_x",
}


async def test_the_token_endpoint_s_circuit_probes_sooner_than_the_api_s() -> None:
    """Without a token every request waits, and asking for one has no side effect."""
    statuses = [503, 200]

    async def token(_: web.Request) -> web.Response:
        body = {"access_token": "t", "token_type": "Bearer", "expires_in": 3600}
        return web.json_response(body, status=statuses.pop(0))

    application = web.Application()
    application.router.add_post("/v3/auth/token", token)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v3"
    config = load(
        "local",
        env={},
        overrides=(
            f"upstream.base_url={url}",
            "secrets.provider=env",
            "breaker.open_for=60",
            "breaker.min_calls=1",
        ),
    ).config
    clock, metrics = FakeClock(), Metrics(environment="local")
    secrets = build_secrets(config, CREDENTIAL, clock=clock, metrics=metrics)
    await secrets.refresh("start")
    tokens = build_tokens(
        config, secrets, clock=clock, metrics=metrics, ssl_context=None
    )
    await tokens.current.step()
    opened = tokens.breaker.circuit

    clock.advance(6.1)  # 5 s and a fifth of it
    await tokens.current.step()

    await tokens.endpoint.close()
    await secrets.close()
    await runner.cleanup()
    assert opened == "open"
    assert tokens.current.ever_had_one
