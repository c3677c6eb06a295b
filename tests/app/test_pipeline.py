"""The way of a request, as it is built from the configuration."""

from tests.inprocess import running_stack
from tests.upstreams import ScriptedUpstream


async def test_a_loopback_listener_takes_the_configured_hosts_only(
    upstream: ScriptedUpstream,
) -> None:
    """A web page whose name was bound to 127.0.0.1 must not reach Dinie."""
    async with running_stack(
        upstream.base_url, 'listen.hosts=["gateway.test"]'
    ) as stack:
        known = await stack.ask("GET", "/v3/banks", headers={"Host": "gateway.test"})
        foreign = await stack.ask("GET", "/v3/banks", headers={"Host": "evil.test"})

    assert (known.status, foreign.status) == (200, 403)
    assert foreign.slug == "origin-forbidden"


async def test_each_accepted_prefix_leads_to_the_same_route(
    upstream: ScriptedUpstream,
) -> None:
    """A service changes its host only, whichever SDK it has."""
    async with running_stack(
        upstream.base_url, 'upstream.accepted_prefixes=["/a", "/b"]'
    ) as stack:
        for prefix in ("/a", "/b"):
            await stack.ask("GET", f"{prefix}/banks")

    asked = [one.target for one in upstream.requests if one.method == "GET"]
    assert asked == ["/v3/banks", "/v3/banks"]
