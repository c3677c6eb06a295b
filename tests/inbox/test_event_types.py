"""Event types as labels: a closed set, and all that the two contracts know."""

import pytest

from gateway.inbox.backfill import _EVENTS
from gateway.inbox.event_types import KNOWN, UNKNOWN, label
from gateway.simulator.webhooks.events import _DOCS, _SDK


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [
        ("loan.active", "loan.active"),
        (UNKNOWN, UNKNOWN),
        ("galaxy.exploded", "other"),
        ("", "other"),
    ],
)
def test_a_type_that_nobody_knows_is_one_label(event_type: str, expected: str) -> None:
    """Whoever signs could fill the memory with series."""
    assert label(event_type) == expected


def test_every_type_of_both_contracts_is_known() -> None:
    """A type that is documented must show by its name."""
    made = {one for by_status in _EVENTS.values() for one in by_status.values()}

    assert set(_DOCS) | set(_SDK) | made == KNOWN
