"""Counters and histograms that cost a dictionary look-up.

The library's counters take a lock at each step, for the sake of threads; here there is
one thread, and what is counted per request is counted in plain dictionaries. The
library still does the names, the labels and the text format.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class Tally(Collector):
    """A counter with labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        self._name = name
        self._text = text
        self._labels = labels
        self.counts: dict[tuple[str, ...], int] = {}

    def add(self, key: tuple[str, ...]) -> None:
        """Count one; `key` holds the labels' values in order."""
        self.counts[key] = self.counts.get(key, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Return the counter as the library's own."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for key, count in self.counts.items():
            family.add_metric(key, count)
        yield family


class Spread(Collector):
    """A histogram with one label, s."""

    def __init__(
        self, name: str, text: str, label: str, buckets: Sequence[float]
    ) -> None:
        self._name = name
        self._text = text
        self._label = label
        self._bounds = list(buckets)
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, value: str, seconds: float) -> None:
        """Note one duration under a label's value."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * (len(self._bounds) + 1)
            self._sums[value] = 0.0
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[value] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Return the histogram as the library's own."""
        family = HistogramMetricFamily(self._name, self._text, labels=[self._label])
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for value, counts in self._counts.items():
            total = 0
            buckets: list[tuple[str, float]] = []
            for name, count in zip(names, counts, strict=True):
                total += count
                buckets.append((name, total))
            family.add_metric([value], buckets, sum_value=self._sums[value])
        yield family
