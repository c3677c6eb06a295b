"""Moments in the form in which they are typed."""

import click
import pytest

from gateway.cli.options import moment
from gateway.core.clock import SystemClock

CONTEXT = click.Context(click.Command("x"))
PARAMETER = click.Option(["--since"])


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("2h", 7200), ("3d", 259_200)]
)
def test_a_span_counts_back_from_now(text: str, seconds: float) -> None:
    """The way that people speak of an outage."""
    at = moment(CONTEXT, PARAMETER, text)

    assert at == pytest.approx(SystemClock.unix() - seconds, abs=60)


def test_a_moment_is_what_it_says() -> None:
    """In UTC, as the log has it; none is none."""
    assert moment(CONTEXT, PARAMETER, "2026-11-24T08:00:00Z") == 1_795_507_200.0
    assert moment(CONTEXT, PARAMETER, None) is None


@pytest.mark.parametrize("text", ["", "3x", "yesterday", "2026-13-01T00:00:00Z", "-3d"])
def test_what_is_no_moment_is_said(text: str) -> None:
    """With what it must be."""
    with pytest.raises(click.BadParameter, match="must be 90s"):
        moment(CONTEXT, PARAMETER, text)
