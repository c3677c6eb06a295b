"""The simulated quota: three headers on every answer, and the 429."""

import pytest

from gateway.simulator.options import SimulatorOptions
from gateway.simulator.quota import Quota
from tests.fakes import FakeClock
from tests.simulator.partner import dinie


async def test_every_answer_tells_the_quota() -> None:
    """The gateway learns its limit from these three."""
    async with dinie(rate_limit=10) as partner:
        replies = [await partner.call("GET", "/banks") for _ in range(2)]
        missing = await partner.call("GET", "/nothing-there")

    told = [
        [reply.headers[f"X-RateLimit-{n}"] for n in ("Limit", "Remaining", "Reset")]
        for reply in (*replies, missing)
    ]
    assert told == [
        ["10", "9", "1790000060"],
        ["10", "8", "1790000060"],
        ["10", "7", "1790000060"],
    ]


async def test_a_spent_window_is_a_429_until_its_end() -> None:
    """Neither earlier nor later."""
    async with dinie(rate_limit=1, rate_window=10.0, retry_after=7.0) as partner:
        first = await partner.call("GET", "/banks")
        refused = await partner.call("GET", "/banks")
        partner.clock.advance(10.0)
        after = await partner.call("GET", "/banks")

    assert (first.status, after.status) == (200, 200)
    assert refused.code == (429, "rate_limit_exceeded")
    assert refused.headers["Retry-After"] == "7"
    assert refused.headers["X-RateLimit-Remaining"] == "0"


async def test_a_refused_request_is_not_executed() -> None:
    """A 429 is safe to repeat."""
    async with dinie(rate_limit=1) as partner:
        await partner.call("GET", "/banks")
        refused = await partner.call("POST", "/customers", {"cpf": "1"}, key="k")

    assert refused.status == 429
    assert (partner.simulator.count("customers"), partner.simulator.effects) == (0, {})


async def test_the_token_endpoint_spends_nothing() -> None:
    """A renewal is possible when the quota is gone."""
    async with dinie(rate_limit=1) as partner:
        await partner.call("GET", "/banks")
        minted = await partner.mint()

    assert minted.status == 200


@pytest.mark.parametrize(("style", "reset"), [("epoch", "1790000060"), ("delta", "45")])
def test_the_reset_is_a_moment_or_a_distance(style: str, reset: str) -> None:
    """Nobody knows which of the two Dinie sends."""
    clock = FakeClock()
    quota = Quota(SimulatorOptions(reset_style=style), clock)  # type: ignore[arg-type]
    quota.take()
    clock.advance(15.0)

    assert quota.headers()["X-RateLimit-Reset"] == reset


def test_without_a_setting_a_429_has_no_retry_after() -> None:
    """The documentation promises none."""
    quota = Quota(SimulatorOptions(rate_limit=0), FakeClock())

    refused = quota.take()

    assert refused is not None
    assert "Retry-After" not in refused.headers


async def test_the_answer_to_the_first_token_request_tells_a_whole_quota() -> None:
    """A gateway that learns from it must not believe that nothing is left."""
    async with dinie(rate_limit=10) as partner:
        minted = await partner.mint()

    told = [minted.headers[f"X-RateLimit-{n}"] for n in ("Limit", "Remaining", "Reset")]
    assert told == ["10", "10", "1790000060"]


async def test_a_wait_can_be_told_in_milliseconds() -> None:
    """The SDKs differ in which of the two they read."""
    async with dinie(rate_limit=0, retry_after=2.0, retry_after_ms=1500) as partner:
        refused = await partner.call("GET", "/banks")

    assert refused.headers["Retry-After"] == "2"
    assert refused.headers["Retry-After-Ms"] == "1500"
