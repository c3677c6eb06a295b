"""What is read again while the gateway runs."""

from tests.inprocess import Stack


async def test_a_reload_says_what_changed(stack: Stack) -> None:
    """Nothing here has."""
    async with stack._session.post(f"http://{stack.running.admin}/reload") as answer:
        said = await answer.json()

    assert said == {"secrets": "unchanged", "certificate": "none"}
