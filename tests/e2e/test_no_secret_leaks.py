"""No secret and no personal data in logs, metrics, admin pages or problems."""

import re

import pytest

from tests.e2e.conftest import Start
from tests.gateway_process import CLIENT_SECRET, GatewayProcess
from tests.upstreams import DROP, TOKEN, ScriptedUpstream, Step, answer
from tests.wire import Caller, ask, request

pytestmark = pytest.mark.e2e

CPF = "123.456.789-09"
NEEDLES = {
    "cpf": CPF,
    "cpf-digits": "12345678909",
    "cnpj": "12.345.678/0001-95",
    "cnpj-digits": "12345678000195",
    "email": "ana.souza@exemplo.test",
    "email-encoded": "ana.souza%40exemplo.test",
    "phone": "+5511987654321",
    "phone-digits": "11987654321",
    "name": "Ana-de-Souza-Exemplo",
    "session-code": "dinie_bsc_test_abcdef012345",
    "caller-token": "gw_caller-held-0123456789abcdef",
    "own-token": "eyJhbGciOi.customer.scoped",
    "vault-token": "hvs.CAESIJ0123456789",
    "webhook-secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZg==",
    "customer": "cust_550e8400e29b41d4a716446655440000",
    "upstream-token": TOKEN,
    "client-secret": CLIENT_SECRET,
    "upstream-cookie": "session-of-ana",
}
SAID = "|".join(value for name, value in NEEDLES.items() if name != "client-secret")
CONTROL = (
    "Idempotency-Key",
    "X-Request-Id",
    "X-Request-Timeout-Ms",
    "X-Gateway-Caller",
    "X-Gateway-Priority",
    "X-Dinie-Retry-Count",
    "traceparent",
    "Content-Type",
    "User-Agent",
    "Expect",
)


def requests() -> list[bytes]:
    """Return requests with a needle in every place that a caller can fill."""
    made = []
    for value in NEEDLES.values():
        path = value.replace("/", "%2F").replace("+", "%2B")
        made += [
            request("GET", f"/customers/{path}"),
            request("GET", f"/customers?cpf={path}"),
            request("GET", f"/{path}/../x"),
            request("GET", f"//{path}"),
            request("POST", "/loans", [("X-Name", value)], value.encode()),
            request("POST", "/auth/token", (), f"grant_type={path}".encode()),
            request("GET", "/banks", [("Authorization", f"Bearer {value}")]),
            request("GET", "/banks", [("Authorization", f"Basic {value}")]),
            request("GET", "/banks", [("Cookie", value)]),
            request("GET", "/auth/credentials/" + path),
            request("GET", "/banks", [("X_Idempotency_Key", value)]),
            f"{value} /x HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
            f"GET /{value} HTTP/9.1\r\nHost: a\r\n\r\n".encode(),
            f"GET /x HTTP/1.1\r\nHost: a\r\n{value} : b\r\n\r\n".encode(),
        ]
        made += [
            request("POST", "/customers", [(name, value)], b"{}") for name in CONTROL
        ]
    return made


def answers() -> list[Step]:
    """Return answers that Dinie might give, good and bad, full of needles."""
    body = SAID.encode()
    fields = [("X-Note", SAID), ("Set-Cookie", NEEDLES["upstream-cookie"])]
    return [
        Step(answer(200, body, fields)),
        Step(answer(422, body, [("Content-Type", "application/problem+json")])),
        Step(answer(500, body, fields)),
        Step(b"HTTP/1.1 200 " + body + b"\r\nContent-Length : x\r\n\r\n", "close"),
        Step(body + b"\r\n\r\n", "close"),
        Step(answer(200, body, fields, length=10 * len(body)), "close"),
        DROP,
    ]


def pages(gateway: GatewayProcess, request_ids: set[str]) -> str:
    """Return everything that the admin listener shows."""
    paths = ["/", "/livez", "/readyz", "/metrics", "/status.json", "/none/" + CPF]
    paths += [f"/explain/{identifier}" for identifier in sorted(request_ids)[:50]]
    shown = [gateway.admin(path)[1] for path in paths]
    return "\n".join([*shown, gateway.admin("/reload", "POST")[1]])


def found(text: str) -> list[str]:
    return [name for name, needle in NEEDLES.items() if needle in text]


@pytest.fixture
def chatty(start: Start, upstream: ScriptedUpstream) -> GatewayProcess:
    """Return a gateway that logs all it ever would."""
    return start(
        upstream.base_url,
        GATEWAY__TELEMETRY__LOG_LEVEL="debug",
        GATEWAY__RETRY__ATTEMPTS="2",
    )


def test_what_callers_send_is_never_shown(
    chatty: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    """Logs and metrics go to people who may not see a borrower's CPF."""
    problems, ids = [], set()
    for raw in requests():
        got = ask(chatty.port, raw)
        ids.update(got.all("X-Gateway-Request-Id"))
        if got.get("X-Gateway-Error") or got.status == 400:
            problems.append(got.body.decode())

    assert len(problems) > 100
    assert found("\n".join(problems)) == []
    assert found(pages(chatty, ids)) == []
    assert found(chatty.stop()) == []
    assert upstream.requests != []


def test_what_dinie_answers_is_never_shown(
    chatty: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    """An answer is personal data even where it is broken."""
    problems, ids = [], set()
    for step in answers():
        for method in ("GET", "POST", "DELETE"):
            upstream.default = step
            got = ask(chatty.port, request(method, "/customers"))
            ids.update(got.all("X-Gateway-Request-Id"))
            if got.get("X-Gateway-Error"):
                problems.append(got.raw.decode())

    assert len(problems) >= 12
    assert found("\n".join(problems)) == []
    assert found(pages(chatty, ids)) == []
    assert found(chatty.stop()) == []


def test_the_token_never_leaves_towards_a_caller(
    chatty: GatewayProcess, upstream: ScriptedUpstream
) -> None:
    """An SDK gets a token that is worth nothing elsewhere."""
    with Caller(chatty.port) as caller:
        local = caller.ask(request("POST", "/v3/auth/token", (), b""))
        served = caller.ask(request("GET", "/banks"))
    output = chatty.stop()

    assert re.search(rb'"access_token":"gw_[^"]{16,}"', local.body)
    assert TOKEN.encode() not in local.raw + served.raw
    assert not re.search(r"gw_[0-9a-f]{8}", output)
    assert upstream.requests[0].all("Authorization") == [f"Bearer {TOKEN}"]


def test_a_refused_credential_is_not_shown(
    start: Start, upstream: ScriptedUpstream
) -> None:
    """The log says that it was refused, and by whom, never what it was."""
    upstream.token_step = Step(answer(401, SAID.encode()))
    gateway = start(upstream.base_url, ready=False)

    got = ask(gateway.port, request("GET", "/banks"))

    assert (got.status, got.get("X-Gateway-Error")) == (502, "upstream-auth-failed")
    assert found(got.raw.decode()) == []
    assert found(pages(gateway, set())) == []
    assert found(gateway.stop()) == []
