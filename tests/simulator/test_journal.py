"""The journal: everything that arrived, without what must not be seen."""

from gateway.simulator.journal import shown
from tests.simulator.partner import dinie


def test_secrets_stand_as_digests_that_can_be_compared() -> None:
    """Whether two attempts had the same token is visible, the token is not."""
    headers = [("Authorization", "Bearer a"), ("cookie", "b"), ("Accept", "c")]

    first, again = shown(headers), shown(headers)

    assert first == again
    assert first[0][1].startswith("sha256:")
    assert first[1][1].startswith("sha256:")
    assert first[0][1] != first[1][1]
    assert first[2] == ("Accept", "c")


async def test_the_journal_shows_no_secret() -> None:
    """It is printed when a test fails."""
    async with dinie() as partner:
        await partner.customer()
        dump = partner.simulator.dump().decode()

    assert partner.token not in dump
    assert "123.456.789-09" not in dump
    assert "dinie_cs_test" not in dump
