"""Counters and histograms that cost a dictionary look-up.

The library's own take a lock at each step, for the sake of threads. What is counted for
every request is counted here, in plain dictionaries, by the one thread of the event
loop. Names, labels and the text format stay the library's.
"""

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector


class LabelledCounter(Collector):
    """A counter with labels."""

    def __init__(self, name: str, text: str, labels: Sequence[str]) -> None:
        """Start empty.

        Args:
            name: Of the metric, with its prefix.
            text: Its help.
            labels: Their names, in the order of `add`.
        """
        self._name = name
        self._text = text
        self._labels = labels
        self.counts: dict[tuple[str, ...], int] = {}

    def add(self, key: tuple[str, ...]) -> None:
        """Count one; `key` holds the labels' values in order."""
        self.counts[key] = self.counts.get(key, 0) + 1

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield the counter in the library's form."""
        family = CounterMetricFamily(self._name, self._text, labels=self._labels)
        for key, count in self.counts.items():
            family.add_metric(key, count)
        yield family


class LabelledHistogram(Collector):
    """A histogram of durations, s, with one label."""

    def __init__(
        self, name: str, text: str, label: str, buckets: Sequence[float]
    ) -> None:
        """Start empty.

        Args:
            name: Of the metric, with its prefix.
            text: Its help.
            label: Its name.
            buckets: Upper bounds, s, ascending.
        """
        self._name = name
        self._text = text
        self._label = label
        self._bounds = list(buckets)
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, value: str, seconds: float) -> None:
        """Record one duration, s, under a label's value."""
        counts = self._counts.get(value)
        if counts is None:
            counts = self._counts[value] = [0] * (len(self._bounds) + 1)
            self._sums[value] = 0.0
        counts[bisect_left(self._bounds, seconds)] += 1
        self._sums[value] += seconds

    def collect(self) -> Iterator[HistogramMetricFamily]:
        """Yield the histogram in the library's form."""
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
