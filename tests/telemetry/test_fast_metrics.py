"""Fast counters and histograms: the library's text format, from dictionaries."""

import pytest
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.registry import Collector

from gateway.telemetry.fast_metrics import LabelledCounter, LabelledHistogram


def text_of(collector: Collector) -> list[str]:
    """Return what is exported, without the moments of creation."""
    registry = CollectorRegistry()
    registry.register(collector)
    lines = generate_latest(registry).decode().splitlines()
    return [line for line in lines if "_created" not in line]


def test_a_tally_reads_like_the_library_s_counter() -> None:
    """Prometheus cannot tell that we count by ourselves."""
    own = LabelledCounter("made_total", "Made.", ("kind", "status"))
    theirs = Counter("made_total", "Made.", ("kind", "status"), registry=None)
    for key in (("a", "1"), ('quo"ted', "2\n"), ("a", "1")):
        own.add(key)
        theirs.labels(*key).inc()

    assert text_of(own) == text_of(theirs)


@pytest.mark.parametrize(
    "observed",
    [
        pytest.param([], id="nothing"),
        pytest.param([0.1, 1.0, 9.0], id="on-and-above-the-bounds"),
        pytest.param([0.0, 0.05, 0.5, 0.5], id="below"),
    ],
)
def test_a_spread_reads_like_the_library_s_histogram(observed: list[float]) -> None:
    """Quantiles come out the same."""
    own = LabelledHistogram("took_seconds", "Took.", "route", (0.1, 1))
    theirs = Histogram(
        "took_seconds", "Took.", ("route",), registry=None, buckets=(0.1, 1)
    )
    for seconds in observed:
        own.observe("/loans", seconds)
        theirs.labels("/loans").observe(seconds)

    assert text_of(own) == text_of(theirs)
