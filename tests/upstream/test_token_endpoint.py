"""HttpTokenEndpoint: every failure is a value, whatever the other side does."""

import asyncio
import base64
import gzip
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Literal

import orjson
import pytest

from gateway.core.errors import CredentialsUnavailable, UpstreamAuthFailed
from gateway.core.secret import Secret
from gateway.credentials.policy import Grant, Refused, Transient
from gateway.upstream.token_endpoint import (
    COOLDOWN,
    HttpTokenEndpoint,
    probe_token,
)
from tests.fakes import FakeClock, FakeCredential
from tests.upstreams import (
    DROP,
    RESET,
    TOKEN,
    ScriptedUpstream,
    Step,
    answer,
    grant,
)

GRANTED = Grant(Secret(TOKEN), 3600.0)


@pytest.fixture
async def endpoint(upstream: ScriptedUpstream) -> AsyncIterator[HttpTokenEndpoint]:
    made = HttpTokenEndpoint(
        upstream.base_url, token_auth="basic", ssl_context=None, timeout=0.2
    )
    yield made
    await made.close()


async def test_the_basic_dialect(
    endpoint: HttpTokenEndpoint, upstream: ScriptedUpstream
) -> None:
    """RFC 6749 2.3.1: form-encoded before they are joined, or a colon splits them."""
    granted = await endpoint.request_token(FakeCredential())

    (asked,) = upstream.token_requests
    scheme, _, pair = asked.all("Authorization")[0].partition(" ")
    assert granted == GRANTED
    assert (asked.target, asked.body) == (
        "/v3/auth/token",
        b"grant_type=client_credentials",
    )
    assert asked.all("Content-Type") == ["application/x-www-form-urlencoded"]
    assert scheme == "Basic"
    assert base64.b64decode(pair) == b"dinie_ci_test_made-up:made-up%20secret%2F%2B%3A"


async def test_the_json_dialect(upstream: ScriptedUpstream) -> None:
    """The SDKs speak this one."""
    endpoint = HttpTokenEndpoint(
        upstream.base_url + "/", token_auth="json", ssl_context=None
    )

    granted = await endpoint.request_token(FakeCredential())

    await endpoint.close()
    (asked,) = upstream.token_requests
    assert (granted, asked.all("Authorization")) == (GRANTED, [])
    assert asked.all("Content-Type") == ["application/json"]
    assert orjson.loads(asked.body) == {
        "grant_type": "client_credentials",
        "client_id": "dinie_ci_test_made-up",
        "client_secret": "made-up secret/+:",
    }


LONG = b"x" * 100_000
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(Step(answer(401, b"{}")), Refused(401), id="refused"),
        pytest.param(Step(answer(503, b"{}")), Transient("status_5xx"), id="503"),
        pytest.param(Step(answer(200, b"")), Transient("malformed"), id="empty"),
        pytest.param(Step(answer(200, LONG)), Transient("malformed"), id="endless"),
        pytest.param(Step(held=True), Transient("timeout"), id="silence"),
        pytest.param(
            Step(grant(), held=True, sent_first=80), Transient("timeout"), id="stalled"
        ),
        pytest.param(DROP, Transient("unreachable"), id="dropped"),
        pytest.param(RESET, Transient("unreachable"), id="reset"),
        pytest.param(
            Step(answer(200, b"{", length=90), "close"),
            Transient("unreachable"),
            id="cut",
        ),
        pytest.param(
            Step(b"SSH-2.0-OpenSSH\r\n\r\n", "close"),
            Transient("unreachable"),
            id="no-http",
        ),
        pytest.param(
            Step(CHUNKED + b"zz\r\n", "close"), Transient("unreachable"), id="bad-chunk"
        ),
        pytest.param(
            Step(CHUNKED, held=True, sent_first=len(CHUNKED)),
            Transient("timeout"),
            id="chunk-that-never-comes",
        ),
        pytest.param(
            Step(answer(200, b"no gzip", [("Content-Encoding", "gzip")])),
            Transient("unreachable"),
            id="bad-gzip",
        ),
        pytest.param(
            Step(answer(200, b"{}", [("X-A", "x" * 20_000)])),
            Transient("unreachable"),
            id="endless-header",
        ),
    ],
)
async def test_every_failure_is_a_value(
    endpoint: HttpTokenEndpoint,
    upstream: ScriptedUpstream,
    step: Step,
    expected: Transient | Refused,
) -> None:
    """An exception would end the one task that renews."""
    upstream.token_step = step

    found = await endpoint.request_token(FakeCredential())

    upstream.release()
    assert found == expected


@pytest.mark.parametrize(
    ("header", "wait"),
    [
        pytest.param(("Retry-After", "20"), 20.0, id="seconds"),
        pytest.param(("Retry-After-Ms", "1500"), 1.5, id="milliseconds"),
        pytest.param(("Retry-After", "86400"), 3600.0, id="a-day"),
        pytest.param(("Retry-After", "soon"), None, id="words"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_the_endpoint_s_retry_after_binds_whoever_wants_a_token(
    upstream: ScriptedUpstream,
    status: int,
    header: tuple[str, str],
    wait: float | None,
) -> None:
    """Renewal, proof and canary share one endpoint, and one limit there."""
    clock = FakeClock()
    endpoint = HttpTokenEndpoint(
        upstream.base_url, token_auth="basic", ssl_context=None, clock=clock
    )
    upstream.token_step = Step(answer(status, b"{}", [header]))

    first = await endpoint.request_token(FakeCredential())
    second = await endpoint.request_token(FakeCredential("2"))
    asked = len(upstream.token_requests)
    upstream.token_step = Step(grant())
    clock.advance(wait or 0.0)
    third = await endpoint.request_token(FakeCredential())

    await endpoint.close()
    limited = Transient(f"status_{status // 100}xx", wait)
    told = Transient(COOLDOWN, wait)
    assert (first, second) == (limited, limited if wait is None else told)
    assert asked == (2 if wait is None else 1)
    assert third == GRANTED


async def test_a_life_that_is_not_told_is_said_once(upstream: ScriptedUpstream) -> None:
    """RFC 6749 only recommends it; a line for each renewal would be noise."""
    said: list[tuple[str, float]] = []
    endpoint = HttpTokenEndpoint(
        upstream.base_url,
        token_auth="basic",
        ssl_context=None,
        on_event=lambda event, seconds: said.append((event, seconds)),
    )
    upstream.token_step = Step(answer(body=b'{"access_token":"t"}'))

    granted = [await endpoint.request_token(FakeCredential()) for _ in range(2)]

    await endpoint.close()
    assert granted == [Grant(Secret("t"), 300.0, assumed=True)] * 2
    assert said == [("token_life_assumed", 300.0)]


async def test_it_recovers_after_a_failure(
    endpoint: HttpTokenEndpoint, upstream: ScriptedUpstream
) -> None:
    """A poisoned connection must not be used again."""
    upstream.token_step = Step(answer(200, LONG))
    await endpoint.request_token(FakeCredential())
    upstream.token_step = Step(grant())

    assert await endpoint.request_token(FakeCredential()) == GRANTED


async def test_a_compressed_grant_is_read(
    endpoint: HttpTokenEndpoint, upstream: ScriptedUpstream
) -> None:
    """The client asks for it by itself here."""
    body = gzip.compress(grant().partition(b"\r\n\r\n")[2])
    upstream.token_step = Step(answer(200, body, [("Content-Encoding", "gzip")]))

    assert await endpoint.request_token(FakeCredential()) == GRANTED


async def test_a_redirect_is_not_followed(
    endpoint: HttpTokenEndpoint, upstream: ScriptedUpstream
) -> None:
    """It would carry the credential to wherever it points."""
    upstream.token_step = Step(answer(307, b"", [("Location", "/v3/elsewhere")]))

    found = await endpoint.request_token(FakeCredential())

    assert found == Transient("status_3xx")
    assert (len(upstream.token_requests), upstream.requests) == (1, [])


async def test_cookies_are_not_kept(
    endpoint: HttpTokenEndpoint, upstream: ScriptedUpstream
) -> None:
    """A load balancer's stickiness is not ours to keep."""
    body = grant().partition(b"\r\n\r\n")[2]
    upstream.token_step = Step(answer(200, body, [("Set-Cookie", "a=b; Path=/")]))
    await endpoint.request_token(FakeCredential())

    await endpoint.request_token(FakeCredential())

    assert [asked.all("Cookie") for asked in upstream.token_requests] == [[], []]


@pytest.mark.parametrize("dialect", ["basic", "json"])
async def test_a_credential_that_is_no_text_is_a_value(
    upstream: ScriptedUpstream, dialect: Literal["basic", "json"]
) -> None:
    """An environment variable may hold any bytes; the gateway stays up, unready."""
    endpoint = HttpTokenEndpoint(
        upstream.base_url, token_auth=dialect, ssl_context=None
    )
    credential = FakeCredential(client_id=Secret("a\udcff"))

    found = await endpoint.request_token(credential)

    await endpoint.close()
    assert found == Transient("credential_malformed")


async def test_nobody_there_is_a_value() -> None:
    """The endpoint may come later than the gateway."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound, not listening: refused
        endpoint = HttpTokenEndpoint(
            f"http://127.0.0.1:{held.getsockname()[1]}/v3",
            token_auth="basic",
            ssl_context=None,
        )
        found = await endpoint.request_token(FakeCredential())
        await endpoint.close()

    assert found == Transient("unreachable")


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        pytest.param(Step(answer(401, b"{}")), UpstreamAuthFailed, id="refused"),
        pytest.param(Step(answer(500, b"{}")), CredentialsUnavailable, id="failing"),
    ],
)
async def test_a_probe_tells_a_refusal_from_an_outage(
    upstream: ScriptedUpstream, step: Step, kind: type[Exception]
) -> None:
    """`check` says whether to look at the secret or at the network."""
    upstream.token_step = step
    settings = SimpleNamespace(
        base_url=upstream.base_url, ca_file=None, token_auth="basic"
    )

    with pytest.raises(kind):
        await probe_token(settings, FakeCredential())

    await asyncio.sleep(0)
