"""The partner's API keys at the simulated Dinie."""

from typing import Any

import pytest

from tests.simulator.partner import Partner, dinie


async def test_a_revoked_credential_ends_but_its_tokens_go_on() -> None:
    """The overlap that a rotation relies on."""
    async with dinie() as partner:
        old, token = partner.simulator.options.client_id, partner.token
        made = (await partner.call("POST", "/auth/credentials", {"name": "new"})).json
        listed = (await partner.call("GET", "/auth/credentials")).json["data"]
        revoked = await partner.call("DELETE", f"/auth/credentials/{old}")
        again = await partner.mint()
        used = await partner.call("GET", "/banks", token=token)
        pair = {name: made[name] for name in ("client_id", "client_secret")}
        pair["grant_type"] = "client_credentials"
        minted = await partner.mint(headers={}, data=None, json=pair)

    assert [one["status"] for one in listed] == ["active", "active"]
    assert all("client_secret" not in one for one in listed)
    assert (revoked.status, used.status, minted.status) == (204, 200, 200)
    assert again.code == (401, "invalid_client")


@pytest.mark.parametrize(
    ("identifier", "code"),
    [
        pytest.param("dinie_ci_test_simulator", (409, "last_credential"), id="last"),
        pytest.param("nobody", (404, "not_found"), id="unknown"),
    ],
)
async def test_a_revocation_can_be_refused(
    identifier: str, code: tuple[int, str]
) -> None:
    """Nobody locks itself out."""
    async with dinie() as partner:
        reply = await partner.call("DELETE", f"/auth/credentials/{identifier}")

    assert reply.code == code


async def test_the_last_credential_can_be_revoked_where_that_is_switched_on() -> None:
    """The 409 is a guess of ours."""
    async with dinie(keep_last_credential=False) as partner:
        path = f"/auth/credentials/{partner.simulator.options.client_id}"
        revoked = await partner.call("DELETE", path)
        again = await partner.mint()

    assert revoked.status == 204
    assert again.code == (401, "invalid_client")


async def minted_with(partner: Partner, made: Any) -> int:
    """Return the status of a token request with a new credential."""
    pair = {name: made[name] for name in ("client_id", "client_secret")}
    content = {"grant_type": "client_credentials", **pair}
    return (await partner.mint(headers={}, data=None, json=content)).status


@pytest.mark.parametrize(
    ("profile", "expires_at"),
    [("docs", "2026-09-21T14:14:20Z"), ("sdk", 1790000060)],
)
async def test_a_credential_ends_at_its_time(profile: str, expires_at: Any) -> None:
    """Nobody has to remember to revoke it."""
    async with dinie(profile=profile) as partner:
        content = {"name": "short", "expires_at": expires_at}
        made = (await partner.call("POST", "/auth/credentials", content)).json
        before = await minted_with(partner, made)
        partner.clock.advance(60.0)
        after = await minted_with(partner, made)

    assert made["expires_at"] == expires_at
    assert (before, after) == (200, 401)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        pytest.param({}, "missing_required_field", id="no-name"),
        pytest.param({"name": "a", "expires_at": "soon"}, "invalid_format", id="end"),
    ],
)
async def test_a_credential_that_makes_no_sense_is_refused(
    content: dict[str, Any], code: str
) -> None:
    """It would be found at three in the morning."""
    async with dinie() as partner:
        reply = await partner.call("POST", "/auth/credentials", content)

    assert reply.code == (422, code)


@pytest.mark.parametrize(
    ("profile", "used"), [("docs", "2026-09-21T14:13:20Z"), ("sdk", 1790000000)]
)
async def test_a_credential_tells_when_it_was_used(profile: str, used: Any) -> None:
    """A rotation waits for the old one to fall silent."""
    async with dinie(profile=profile) as partner:
        await partner.call("POST", "/auth/credentials", {"name": "new"})
        listed = (await partner.call("GET", "/auth/credentials")).json["data"]

    assert [one["last_used_at"] for one in listed] == [used, None]
