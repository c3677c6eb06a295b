"""A minute without Dinie: it is left alone, and used again within seconds."""

import pytest

from tests.experiments.storm import Kind, storm


@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("kind", ["errors", "refused", "hangs"])
def test_a_storm_is_weathered(kind: Kind, seed: int) -> None:
    """Calls during it at most a tenth of the normal rate; 95 % back within 5 s."""
    seen = storm(kind, seed)

    assert seen.goodput(0.0, 59.0) >= 0.99
    assert seen.share <= 0.10
    assert seen.back_after <= 5.0
    assert seen.goodput(126.0, 178.0) >= 0.95
    assert seen.longest <= 25.1  # s; nobody waits past the deadline
