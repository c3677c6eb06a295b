"""IdentityStage: who calls, by what counts where."""

from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.core.errors import CallerUnknown
from gateway.core.exchange import Exchange
from gateway.core.secret import Secret
from gateway.core.stage import EXCHANGE
from gateway.identity.local_tokens import IssuedTokens
from gateway.identity.options import CallerOptions, IdentityOptions
from gateway.identity.policy import Callers, bind
from gateway.identity.ports import Untrusted
from gateway.identity.stage import IdentityStage
from tests.exchanges import new_exchange
from tests.fakes import FakeClock

TOKEN = "gw_" + "b" * 40
FAR, NEAR = "203.0.113.5", "127.0.0.1"
BILLING = CallerOptions(
    name="billing",
    token="billing_token",
    subject="sa:billing",
    certificate="cn-billing",
)
PLAIN = CallerOptions(name="crm")
RIGHT = f"Bearer {TOKEN}"


class Subjects:
    def subject(self, bearer: str) -> str | None:
        if bearer == "forged":
            raise Untrusted("the service-account token does not hold")
        return {"jwt-billing": "sa:billing", "jwt-stranger": "sa:x"}.get(bearer)

    def is_ours(self, bearer: str) -> bool:
        return bearer.startswith("jwt-")


GIVEN = f"gw_{'a' * 32}"
LIKE = f"gw_{'b' * 32}"  # of the form of an issued token, and not known


class Request(dict[object, object]):
    def __init__(self, exchange: Exchange, remote: str, name: str | None) -> None:
        super().__init__({EXCHANGE: exchange})
        self.remote = remote
        shown = {"subject": ((("commonName", name),),)} if name else None
        self.transport = SimpleNamespace(get_extra_info=lambda _: shown)


async def ask(
    *callers: CallerOptions,
    authorization: str | None = None,
    named: str | None = None,
    remote: str = NEAR,
    certificate: str | None = None,
    service: str = "",
    asks: bool = False,
    own_keys: bool = False,
) -> Exchange:
    """Return the exchange as the stages below see it."""
    control = {"authorization": authorization, "x-gateway-caller": named}
    exchange = new_exchange(
        "r",
        "POST" if asks else "GET",
        "/auth/token" if asks else "/banks",
        0.0,
        plain_path="/auth/token" if asks else "/banks",
        control={name: value for name, value in control.items() if value is not None},
        own_bearer=True,
    )
    issued = IssuedTokens(FakeClock())
    issued.add(GIVEN, "crm", local=True)
    stage = IdentityStage(
        Callers(IdentityOptions(callers=callers), service=service),
        fields=lambda: {"billing_token": Secret(TOKEN)},
        subjects=Subjects(),
        issued=issued,
        clock=FakeClock(),
        own_keys=own_keys,
    )

    async def handler(_: Any) -> web.StreamResponse:
        return web.Response()

    request = Request(exchange, remote, certificate)
    await stage(cast("web.BaseRequest", request), handler)
    return exchange


@pytest.mark.parametrize(
    ("shown", "who"),
    [
        pytest.param({"authorization": RIGHT}, "billing", id="token"),
        pytest.param({"authorization": f"bearer  {TOKEN}"}, "billing", id="odd-case"),
        pytest.param({"authorization": "Bearer jwt-billing"}, "billing", id="subject"),
        pytest.param({"certificate": "cn-billing"}, "billing", id="certificate"),
        pytest.param(
            {"certificate": "cn-billing", "named": "crm"}, "billing", id="no-header"
        ),
    ],
)
@pytest.mark.parametrize("remote", [NEAR, FAR])
async def test_a_proof_counts_from_anywhere(
    remote: str, shown: dict[str, str], who: str
) -> None:
    """A certificate, a token, a service account."""
    assert (await ask(BILLING, PLAIN, remote=remote, **shown)).caller == who  # type: ignore[arg-type]


async def test_a_token_that_was_given_on_this_host_counts_on_this_host_only() -> None:
    """It was had with a dummy secret and a name in a header."""
    given = f"Bearer {GIVEN}"

    near = await ask(BILLING, PLAIN, authorization=given, remote=NEAR)

    assert near.caller == "crm"
    with pytest.raises(CallerUnknown):
        await ask(BILLING, PLAIN, authorization=given, remote=FAR)


async def test_a_bound_token_is_its_callers() -> None:
    """What an SDK got for the caller's secret."""
    made = bind(TOKEN, until=1_790_000_100, nonce="0123456789abcdef")
    old = bind(TOKEN, until=1_789_999_999, nonce="0123456789abcdef")

    found = await ask(BILLING, authorization=f"Bearer {made}", remote=FAR)

    assert found.caller == "billing"
    with pytest.raises(CallerUnknown):
        await ask(BILLING, authorization=f"Bearer {old}", remote=FAR)


@pytest.mark.parametrize(
    "shown",
    [
        pytest.param({}, id="nothing"),
        pytest.param({"named": "billing"}, id="a-name"),
        pytest.param({"authorization": "Bearer of-dinies"}, id="a-customers-token"),
        pytest.param({"authorization": "Basic eDp5"}, id="basic"),
        pytest.param({"certificate": "cn-stranger"}, id="another-certificate"),
    ],
)
async def test_from_outside_nobody_comes_in_without_a_proof(
    shown: dict[str, str],
) -> None:
    """Whoever reaches the port could lend money otherwise."""
    with pytest.raises(CallerUnknown, match="does not prove its sender"):
        await ask(BILLING, PLAIN, remote=FAR, **shown)  # type: ignore[arg-type]


@pytest.mark.parametrize("remote", [NEAR, FAR])
@pytest.mark.parametrize(
    "bearer", ["gw_unknown", TOKEN + "x", "gw_", "forged", "jwt-stranger"]
)
async def test_a_proof_that_does_not_hold_is_refused_everywhere(
    remote: str, bearer: str
) -> None:
    """It is not passed on to Dinie either, nor repeated."""
    with pytest.raises(CallerUnknown) as caught:
        await ask(BILLING, authorization=f"Bearer {bearer}", remote=remote)

    assert bearer not in caught.value.detail or bearer == "gw_"


@pytest.mark.parametrize(
    ("named", "who"), [("crm", "crm"), ("stranger", "other"), (None, "other")]
)
async def test_on_this_host_a_name_is_enough(named: str | None, who: str) -> None:
    """Who can connect here could do worse."""
    assert (await ask(BILLING, PLAIN, named=named)).caller == who


async def test_without_proofs_a_name_from_outside_is_nobodys() -> None:
    """It is served, as before there were callers, and shares with all others."""
    assert (await ask(PLAIN, named="crm", remote=FAR)).caller == "other"


async def test_a_service_accounts_token_never_goes_to_dinie() -> None:
    """It opens the cluster's doors."""
    found = await ask(BILLING, authorization="Bearer jwt-billing")
    customers = await ask(BILLING, authorization="Bearer of-dinies")

    assert (found.own_bearer, customers.own_bearer) == (False, True)


async def test_who_asks_for_a_token_shows_its_secret_there() -> None:
    """The next stage looks at it."""
    assert (await ask(BILLING, remote=FAR, asks=True)).caller == "other"


@pytest.mark.parametrize(
    ("service", "named", "authorization", "who"),
    [
        ("loans", None, None, "loans"),
        ("loans", "loans", None, "loans"),
        ("loans", "x", None, "other"),
        ("", None, None, "other"),
        ("loans", None, f"Bearer {GIVEN}", "crm"),
        ("loans", None, "Bearer gw_whatever", "loans"),
    ],
)
async def test_a_sidecar_knows_its_service(
    service: str, named: str | None, authorization: str | None, who: str
) -> None:
    """Nothing is asked of anybody."""
    found = await ask(service=service, named=named, authorization=authorization)

    assert found.caller == who


async def test_a_token_for_the_gateway_beside_a_certificate_goes_no_further() -> None:
    """Dinie must not see a service account's token, whoever the certificate is of."""
    seen = await ask(
        BILLING,
        authorization="Bearer jwt-billing",
        remote=FAR,
        certificate="cn-billing",
    )

    assert (seen.caller, seen.own_bearer) == ("billing", False)


async def test_a_name_from_outside_is_not_believed_with_the_token_call() -> None:
    """Else a stranger's guesses would be counted as somebody's."""
    seen = await ask(BILLING, named="billing", remote=FAR, asks=True)

    assert seen.caller == "other"


@pytest.mark.parametrize(
    "bearer", ["jwt-billing=", '"jwt-billing"', "jwt-billing x", "Bearer jwt-billing"]
)
@pytest.mark.parametrize("remote", [NEAR, FAR])
async def test_a_service_accounts_token_that_is_written_wrongly_is_refused(
    remote: str, bearer: str
) -> None:
    """It would go to Dinie for a customer's."""
    with pytest.raises(CallerUnknown, match="stands alone"):
        await ask(BILLING, authorization=f"Bearer {bearer}", remote=remote)


async def test_a_token_that_names_nobody_any_more_is_asked_for_anew() -> None:
    """As somebody else its bearer's keys were other ones: a repeat would lend twice."""
    lapsed = f"Bearer {LIKE}"

    with pytest.raises(CallerUnknown, match="has expired"):
        await ask(PLAIN, authorization=lapsed, own_keys=True)
    others = [
        await ask(PLAIN, authorization=lapsed),
        await ask(PLAIN, authorization=lapsed, named="crm", own_keys=True),
        await ask(PLAIN, authorization=lapsed, asks=True, own_keys=True),
        await ask(PLAIN, authorization="Bearer gw_dummy", own_keys=True),
        await ask(PLAIN, authorization=f"Bearer {GIVEN}", own_keys=True),
    ]

    assert [one.caller for one in others] == ["other", "crm", "other", "other", "crm"]
