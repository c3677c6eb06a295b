"""BoundaryStage: whatever happens below, the caller gets one response of one shape."""

import orjson
import pytest

from tests.inprocess import Said, Stack, running_stack
from tests.upstreams import ScriptedUpstream, Step, answer, grant


def check_shape(said: Said, slug: str, status: int) -> None:
    body = orjson.loads(said.body)
    assert (said.status, said.slug) == (status, slug)
    assert said.headers["Content-Type"] == "application/problem+json"
    assert said.headers["Proxy-Status"].startswith("dinie-gateway; error=")
    assert body["type"] == f"urn:dinie-gateway:problem:{slug}"
    assert body["code"] == "gateway_" + slug.replace("-", "_")
    assert body["instance"] == said.headers["X-Gateway-Request-Id"]
    assert {"title", "detail", "status"} <= set(body)


@pytest.mark.parametrize(
    ("method", "path", "headers", "slug", "status"),
    [
        pytest.param("GET", "/v3/%2e%2e/x", {}, "bad-request", 400, id="dot-segment"),
        pytest.param(
            "POST",
            "/v3/loans",
            {"Idempotency-Key": "a", "X-Idempotency-Key": "b"},
            "bad-request",
            400,
            id="two-keys",
        ),
        pytest.param(
            "GET", "/v3/auth/credentials", {}, "route-forbidden", 403, id="denied"
        ),
        pytest.param(
            "GET",
            "/v3/Auth//Credentials;x/%64?y",
            {},
            "route-forbidden",
            403,
            id="denied-disguised",
        ),
        pytest.param("TRACE", "/v3/loans", {}, "method-not-allowed", 405, id="trace"),
        pytest.param(
            "POST",
            "/v3/loans",
            {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"},
            "origin-forbidden",
            403,
            id="web-page",
        ),
        pytest.param(
            "GET",
            "/v3/banks",
            {"Sec-Fetch-Site": "same-site"},
            "origin-forbidden",
            403,
            id="page-of-another-port",
        ),
        pytest.param(
            "GET",
            "/v3/banks",
            {"Host": "evil.example"},
            "origin-forbidden",
            403,
            id="rebound-name",
        ),
    ],
)
async def test_a_refusal_has_the_one_shape_and_sends_nothing(  # noqa: PLR0917
    stack: Stack,
    upstream: ScriptedUpstream,
    method: str,
    path: str,
    headers: dict[str, str],
    slug: str,
    status: int,
) -> None:
    """A client that handles one problem handles them all."""
    said = await stack.ask(method, path, headers=headers)

    check_shape(said, slug, status)
    assert upstream.requests == []
    assert said.attempts == 0


async def test_a_body_over_the_cap_is_refused(stack: Stack) -> None:
    """Before it is in memory."""
    said = await stack.ask("POST", "/v3/loans", body=b"x" * (1024 * 1024 + 1))

    check_shape(said, "request-too-large", 413)


async def test_a_key_with_another_body_is_refused(stack: Stack) -> None:
    """A key belongs to one request."""
    headers = {"Idempotency-Key": "order-1"}
    await stack.ask("POST", "/v3/loans", body=b"{}", headers=headers)

    said = await stack.ask("POST", "/v3/loans", body=b'{"a":1}', headers=headers)

    check_shape(said, "idempotency-key-reused", 422)


async def test_a_spent_quota_is_refused_locally_with_the_moment_to_return(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """A 429 of Dinie's would count against us; ours does not."""
    spent = [
        ("X-RateLimit-Limit", "10"),
        ("X-RateLimit-Remaining", "0"),
        ("X-RateLimit-Reset", "60"),
    ]
    upstream.default = Step(answer(200, b"{}", spent))
    await stack.ask("GET", "/v3/loans")

    said = await stack.ask("GET", "/v3/loans")

    check_shape(said, "rate-limited", 429)
    assert 50 <= int(said.headers["Retry-After"]) <= 62
    assert len(upstream.requests) == 1


async def test_a_second_401_is_upstream_auth_failed(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """The caller cannot mend the gateway's credential."""
    upstream.default = Step(answer(401, b""))

    said = await stack.ask("POST", "/v3/loans")

    check_shape(said, "upstream-auth-failed", 502)
    assert (said.attempts, "Retry-After" in said.headers) == (2, True)


async def test_an_expired_token_is_replaced_without_using_an_attempt(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """Four attempts are for faults; an expired token is none."""
    upstream.script(
        Step(answer(401, b'{"code":"token_expired"}')), *[Step(answer(503))] * 3
    )

    said = await stack.ask("POST", "/v3/loans")

    assert (said.status, said.attempts) == (200, 5)


async def test_a_customers_own_bearer_passes_and_its_401_comes_back(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """A session token is the customer's; the gateway has no business with it."""
    upstream.default = Step(answer(401, b'{"code":"token_expired"}'))

    said = await stack.ask(
        "GET", "/v3/loans", headers={"Authorization": "Bearer customer"}
    )

    assert (said.status, said.attempts) == (401, 1)
    assert upstream.requests[0].all("Authorization") == ["Bearer customer"]


async def test_a_refused_credential_is_upstream_auth_failed(
    upstream: ScriptedUpstream,
) -> None:
    """Not the caller's fault, and no secret in the answer."""
    upstream.token_step = Step(answer(401, b'{"code":"invalid_client"}'))
    async with running_stack(upstream.base_url) as stack:
        said = await stack.ask("GET", "/v3/loans")

    check_shape(said, "upstream-auth-failed", 502)
    assert "Retry-After" in said.headers


async def test_no_token_before_the_deadline_is_credentials_unavailable(
    upstream: ScriptedUpstream,
) -> None:
    """The caller learns that waiting may help."""
    upstream.token_step = Step(answer(500, b""))
    async with running_stack(upstream.base_url) as stack:
        said = await stack.ask(
            "GET", "/v3/loans", headers={"X-Request-Timeout-Ms": "400"}
        )

    check_shape(said, "credentials-unavailable", 503)


async def test_a_broken_token_answer_is_survived(upstream: ScriptedUpstream) -> None:
    """An empty 200 is a hiccup of a cache, not a credential's end."""
    upstream.token_step = Step(answer(200, b""))
    async with running_stack(upstream.base_url) as stack:
        upstream.token_step = Step(grant())

        said = await stack.ask("GET", "/v3/loans")

    assert said.status == 200


async def test_an_open_circuit_is_answered_without_asking_dinie(
    upstream: ScriptedUpstream,
) -> None:
    """A Dinie that is down is not helped by being asked."""
    upstream.default = Step(answer(500, b""))
    settings = ("breaker.min_calls=2", "retry.attempts=1")
    async with running_stack(upstream.base_url, *settings) as stack:
        for _ in range(3):
            await stack.ask("GET", "/v3/loans")
        before = len(upstream.requests)

        said = await stack.ask("GET", "/v3/loans")

    check_shape(said, "circuit-open", 503)
    assert len(upstream.requests) == before
    assert int(said.headers["Retry-After"]) >= 1


@pytest.mark.parametrize("base", ["", "/v3", "/api/v3"])
async def test_an_sdk_gets_a_local_token(
    stack: Stack, upstream: ScriptedUpstream, base: str
) -> None:
    """Its dummy credentials must never reach Dinie."""
    said = await stack.ask(
        "POST",
        f"{base}/auth/token",
        body=b'{"grant_type":"client_credentials","client_id":"x","client_secret":"y"}',
        headers={"Content-Type": "application/json"},
    )

    given = orjson.loads(said.body)
    assert given["access_token"].startswith("gw_")
    assert (given["token_type"], given["expires_in"]) == ("bearer", 3600)
    assert upstream.requests == []


async def test_local_and_basic_credentials_never_go_upstream(
    stack: Stack, upstream: ScriptedUpstream
) -> None:
    """They would mean nothing there, and show how the inside looks."""
    for value in ("Bearer gw_unknown", "Basic dXNlcjpwYXNz"):
        await stack.ask("GET", "/v3/loans", headers={"Authorization": value})

    sent = [value for one in upstream.requests for value in one.all("Authorization")]
    assert sent == ["Bearer dinie_at_upstream-only-0123456789"] * 2
