"""The figures of several processes as those of one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

OWN = (
    "polyseek_requests",
    "polyseek_request_seconds",
    "process_start_time_seconds",
    "process_max_fds",
    "python_info",
)
"""Told by the process that clients talk to: it counts their requests, and a sum of the others would
mean nothing."""
GROWING = ("counter", "histogram")
"""Kinds that never go down, though the process they are of has ended."""


class Figures:
    """Of one replica, over all its lives."""

    def __init__(self) -> None:
        self._past: list[Metric] = []
        self.now: list[Metric] = []

    def read(self, text: str) -> None:
        """What /metrics of its process tells."""
        found = text_string_to_metric_families(text)
        self.now = [each for each in found if not _own(each.name)]

    def ended(self) -> None:
        """A life is over: what it had counted by the last read stays."""
        grown = [each for each in self.now if each.type in GROWING]
        self._past, self.now = summed([self._past, grown]), []

    @property
    def whole(self) -> list[Metric]:
        """Of all lives."""
        return [*self._past, *self.now]

    def value(self, name: str) -> float:
        """Of a figure without labels, in this life; 0 if it is not there."""
        samples = (sample for metric in self.now for sample in metric.samples)
        return next((each.value for each in samples if each.name == name), 0.0)


def summed(parts: Iterable[Iterable[Metric]]) -> list[Metric]:
    """One metric of each name, with the sums of the samples that have the same labels."""
    made: dict[str, Metric] = {}
    values: dict[str, dict[tuple[str, tuple[tuple[str, str], ...]], float]] = {}
    for metric in (each for part in parts for each in part):
        made.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
        sums = values.setdefault(metric.name, {})
        for sample in metric.samples:
            key = sample.name, tuple(sample.labels.items())
            sums[key] = sums.get(key, 0.0) + sample.value
    for name, sums in values.items():
        for (sample_name, labels), value in sums.items():
            made[name].add_sample(sample_name, dict(labels), value)
    return list(made.values())


def rendered(own: str, others: Sequence[Sequence[Metric]], more: Sequence[Metric]) -> bytes:
    """For Prometheus: the figures of this process (`own`, as text) and of the others as sums, and
    `more` as they are."""
    registry = CollectorRegistry()
    registry.register(_Made([*summed([text_string_to_metric_families(own), *others]), *more]))
    return generate_latest(registry)


def _own(name: str) -> bool:
    return name in OWN or name.endswith("_created")


class _Made(Collector):
    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics
