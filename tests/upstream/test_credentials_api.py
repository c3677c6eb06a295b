"""CredentialsApi: credentials made, listed, tried and revoked, whatever Dinie does."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from gateway.core.secret import Secret
from gateway.idempotency.options import IdempotencyOptions
from gateway.rotation.ports import CredentialRefused, Pair, StepFailed
from gateway.simulator.server import Simulator, SimulatorOptions
from gateway.upstream.credentials_api import CredentialsApi, listed_credential
from gateway.upstream.token_endpoint import HttpTokenEndpoint
from tests.fakes import FakeClock
from tests.upstreams import DROP, ScriptedUpstream, Step, answer, grant

OLD = Pair(Secret("dinie_ci_test_old"), Secret("dinie_cs_test_old"))


def api(base_url: str) -> CredentialsApi:
    clock = FakeClock()
    return CredentialsApi(
        base_url,
        HttpTokenEndpoint(
            base_url, token_auth="basic", ssl_context=None, attempts=4, clock=clock
        ),
        ssl_context=None,
        idempotency=IdempotencyOptions(),
        clock=clock,
        random=lambda: 0.5,
    )


@pytest.fixture(params=["docs", "sdk"])
async def simulated(
    request: pytest.FixtureRequest,
) -> AsyncIterator[tuple[Simulator, CredentialsApi]]:
    """Yield both generations of Dinie, whose moments are written differently."""
    dinie = Simulator(
        SimulatorOptions(
            profile=request.param,
            client_id=OLD.client_id.reveal(),
            client_secret=OLD.client_secret.reveal(),
        )
    )
    port = await dinie.start()
    made = api(f"http://127.0.0.1:{port}/v3")
    yield dinie, made
    await made.close()
    await dinie.stop()


@pytest.fixture
async def scripted(upstream: ScriptedUpstream) -> AsyncIterator[CredentialsApi]:
    made = api(upstream.base_url)
    yield made
    await made.close()


async def test_a_credential_lives_from_creation_to_revocation(
    simulated: tuple[Simulator, CredentialsApi],
) -> None:
    """The new one works, lists both, and takes the old one away."""
    _, dinie = simulated

    made = await dinie.create(OLD, name="gateway-rotation-1", key="rotation-1")
    await dinie.prove(made.pair)
    listed = await dinie.credentials(made.pair)
    await dinie.revoke(made.pair, OLD.client_id.reveal())
    await dinie.revoke(made.pair, OLD.client_id.reveal())

    names = {one.client_id: one.name for one in listed}
    assert names[made.pair.client_id.reveal()] == "gateway-rotation-1"
    assert all((one.created or 0) > 1.7e9 for one in listed)
    with pytest.raises(StepFailed, match="refuses the credential"):
        await dinie.prove(OLD)


async def test_the_same_key_gives_the_same_credential(
    simulated: tuple[Simulator, CredentialsApi],
) -> None:
    """A run that was killed before the response asks again."""
    simulator, dinie = simulated
    simulator.fault(kind="reset_after", method="POST", path="/auth/credentials")

    first = await dinie.create(OLD, name="a", key="rotation-1")
    second = await dinie.create(OLD, name="a", key="rotation-1")

    assert first.pair == second.pair
    assert simulator.effects["rotation-1"] == 1


async def test_a_long_list_is_read_to_its_end(
    upstream: ScriptedUpstream, scripted: CredentialsApi
) -> None:
    """The old credential may stand on the last page."""
    pages = [
        b'{"data":[{"id":"a","client_id":"a","created_at":5}],"has_more":true}',
        b'{"data":[{"id":"b","client_id":"b","status":"revoked"}],"has_more":false}',
    ]
    upstream.script(*[Step(answer(200, page)) for page in pages])

    listed = await scripted.credentials(OLD)

    assert [(one.client_id, one.active, one.created) for one in listed] == [
        ("a", True, 5.0),
        ("b", False, None),
    ]
    assert upstream.requests[1].target.endswith("limit=100&starting_after=a")


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(b'{"data":[],"has_more":true}', id="empty"),
        pytest.param(b'{"data":[{"id":"a b"}],"has_more":true}', id="no-plain-id"),
        pytest.param(b'{"data":[{"id":"a"}],"has_more":true}', id="in-circles"),
    ],
)
async def test_half_a_list_does_not_pass_for_the_whole(
    upstream: ScriptedUpstream, scripted: CredentialsApi, page: bytes
) -> None:
    """What is not on it would be taken for revoked."""
    upstream.default = Step(answer(200, page))

    with pytest.raises(StepFailed, match="does not list all"):
        await scripted.credentials(OLD)


@pytest.mark.parametrize("status", [401, 403])
async def test_a_credential_that_calls_are_refused_for_is_named_so(
    upstream: ScriptedUpstream, scripted: CredentialsApi, status: int
) -> None:
    """A rotation goes back for it, and not for an outage."""
    upstream.default = Step(answer(status, b"{}"))

    with pytest.raises(CredentialRefused, match=str(status)):
        await scripted.prove(OLD)


async def test_a_refusal_that_is_followed_by_silence_is_no_refusal(
    upstream: ScriptedUpstream, scripted: CredentialsApi
) -> None:
    """A network that fails after one 401 must not turn a rotation back."""
    upstream.script(Step(answer(401, b"{}")))
    upstream.default = DROP

    with pytest.raises(StepFailed, match="no answer") as caught:
        await scripted.prove(OLD)

    assert not isinstance(caught.value, CredentialRefused)


@pytest.mark.parametrize(
    "trouble",
    [
        pytest.param(DROP, id="dropped"),
        pytest.param(Step(answer(503, b"{}")), id="503"),
        pytest.param(Step(answer(429, b"{}", [("Retry-After", "1")])), id="429"),
        pytest.param(Step(answer(401, b"{}")), id="stale-token"),
    ],
)
async def test_passing_trouble_is_sat_out(
    upstream: ScriptedUpstream, scripted: CredentialsApi, trouble: Step
) -> None:
    """A rotation is no reason to wake anybody."""
    upstream.script(trouble, Step(answer(200, b"[]")))

    await scripted.prove(OLD)

    assert len(upstream.requests) == 2


@pytest.mark.parametrize(
    ("step", "says"),
    [
        pytest.param(DROP, "no answer", id="dropped"),
        pytest.param(Step(answer(500, b"<html>")), "again and again", id="500"),
        pytest.param(Step(answer(403, b"{}")), "with 403", id="403"),
        pytest.param(Step(answer(200, b"[1]")), "with 200", id="no-object"),
        pytest.param(Step(answer(201, b'{"client_id":"a"}')), "201", id="no-secret"),
    ],
)
async def test_lasting_trouble_ends_the_step(
    upstream: ScriptedUpstream, scripted: CredentialsApi, step: Step, says: str
) -> None:
    """With words for an operator who reads the job's log."""
    upstream.default = step

    with pytest.raises(StepFailed, match=says):
        await scripted.create(OLD, name="a", key="k")


@pytest.mark.parametrize(
    ("token", "says"),
    [
        pytest.param(answer(401, b"{}"), "refuses the credential", id="refused"),
        pytest.param(answer(200, b""), "gives no answer", id="empty"),
    ],
)
async def test_without_a_token_nothing_is_asked(
    upstream: ScriptedUpstream, scripted: CredentialsApi, token: bytes, says: str
) -> None:
    """A credential that does not work proves itself here."""
    upstream.token_step = Step(token)

    with pytest.raises(StepFailed, match=says):
        await scripted.prove(OLD)

    assert upstream.requests == []


async def test_an_odd_client_id_is_no_path(
    upstream: ScriptedUpstream, scripted: CredentialsApi
) -> None:
    """What Vault holds must not choose another route."""
    upstream.token_step = Step(grant())

    with pytest.raises(StepFailed, match="no plain word"):
        await scripted.revoke(OLD, "../../loans")

    assert upstream.requests == []


async def test_a_proof_uses_a_new_token(
    upstream: ScriptedUpstream, scripted: CredentialsApi
) -> None:
    """A token that still lives says nothing about a credential that was revoked."""
    upstream.default = Step(answer(200, b"[]"))

    await scripted.prove(OLD)
    await scripted.prove(OLD)

    assert len(upstream.token_requests) == 2


def test_nothing_of_a_pair_is_shown() -> None:
    """It stands in tracebacks."""
    shown: Any = repr(OLD)

    assert "dinie_cs" not in shown


@pytest.mark.parametrize(
    ("known", "tried"),
    [
        pytest.param("secret/rotate", 1, id="docs"),
        pytest.param("rotate-secret", 2, id="sdk"),
    ],
)
async def test_a_webhook_secret_is_rotated_on_either_path(
    upstream: ScriptedUpstream, scripted: CredentialsApi, known: str, tried: int
) -> None:
    """The two generations of the contract differ in it."""
    made = b'{"secret":"whsec_b","previous_secret_expires_at":1790000100}'
    if tried == 2:
        upstream.script(Step(answer(404, b"{}")))
    upstream.default = Step(answer(200, made))

    said = await scripted.rotate_webhook(OLD, "we_1", key="k")

    assert (said.secret, said.old_until) == (Secret("whsec_b"), 1_790_000_100.0)
    assert len(upstream.requests) == tried
    last = upstream.requests[-1]
    assert last.target == f"/v3/webhooks/endpoints/we_1/{known}"
    assert (last.all("Idempotency-Key"), last.body) == (
        ["k"],
        b'{"expire_current_in":86400}',
    )


async def test_a_rotation_that_says_no_secret_is_a_failed_step(
    upstream: ScriptedUpstream, scripted: CredentialsApi
) -> None:
    """Nothing is stored that does not sign."""
    upstream.default = Step(answer(200, b"{}"))

    with pytest.raises(StepFailed, match="with 200"):
        await scripted.rotate_webhook(OLD, "we_1", key="k")
    with pytest.raises(StepFailed, match="no plain word"):
        await scripted.rotate_webhook(OLD, "we/1", key="k")


def test_an_entry_of_either_generation_is_understood() -> None:
    """One calls it id, the other client_id."""
    old = listed_credential({"id": "a", "name": "x", "status": "revoked"})
    new = listed_credential(
        {"id": "1", "client_id": "b", "status": "active", "last_used_at": 5}
    )

    assert (old.client_id, old.name, old.active) == ("a", "x", False)
    assert (new.client_id, new.active, new.last_used) == ("b", True, 5.0)
    assert (old.created, old.expires, old.last_used) == (None, None, None)
