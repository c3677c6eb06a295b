"""kill -9 at random moments: what Dinie was told is safe, is safe."""

from pathlib import Path

import pytest

from tests.e2e.killing import deliver_under_fire

EVENTS, KILLS = 5000, 50
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


async def test_what_was_acknowledged_reaches_everybody_in_spite_of_kills(
    tmp_path: Path,
) -> None:
    """One subscriber is slow, one fails half the time, one is down for a while."""
    outcome = await deliver_under_fire(tmp_path, events=EVENTS, kills=KILLS)

    said = outcome.report()
    assert outcome.kills >= KILLS, said
    assert outcome.acknowledged == outcome.emitted, said
    for consumer in outcome.consumers:
        assert set(consumer.seen) == outcome.acknowledged, said
        assert consumer.effects == EVENTS, said
        assert consumer.torn == 0, said
    assert outcome.tracebacks == 0
