"""Numbers for Prometheus. Nothing is counted here: each scrape reads what the rooms of the gateway count for
themselves, so that a frame costs nothing for being measured.

Names and units follow Prometheus' conventions: base units, `_total` on counters, `_seconds` on times.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from gateway.gauges import Distribution

__all__ = ["CONTENT_TYPE_LATEST", "Metrics"]

Number = float | int


class Metrics:
    """`counter`, `gauge`, `histogram` and `info` tell where to read; `page` reads all of it."""

    def __init__(self, own: bool = True) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._sources: list[Callable[[], Iterator[Metric]]] = []
        self._registry.register(self)
        if own:
            ProcessCollector(registry=self._registry)
            GCCollector(registry=self._registry)

    def counter(
        self, name: str, text: str, read: Callable[[], Number | Mapping[Any, Number]], *labels: str
    ) -> None:
        """Only ever grows. With labels, `read` gives a mapping from their values, a tuple where there are
        several."""
        self._add(lambda: _family(CounterMetricFamily(name, text, labels=labels), read(), labels))

    def gauge(
        self, name: str, text: str, read: Callable[[], Number | Mapping[Any, Number]], *labels: str
    ) -> None:
        """Goes up and down."""
        self._add(lambda: _family(GaugeMetricFamily(name, text, labels=labels), read(), labels))

    def histogram(self, name: str, text: str, distribution: Distribution) -> None:
        def family() -> Metric:
            metric = HistogramMetricFamily(name, text)
            metric.add_metric([], distribution.cumulative(), distribution.total)
            return metric

        self._add(family)

    def info(self, name: str, text: str, values: Mapping[str, str]) -> None:
        """What this is, as labels of a constant 1."""
        self._add(lambda: InfoMetricFamily(name, text, dict(values)))

    def _add(self, family: Callable[[], Metric]) -> None:
        self._sources.append(lambda: iter((family(),)))

    def collect(self) -> Iterator[Metric]:
        """For prometheus_client."""
        for source in self._sources:
            yield from source()

    def page(self) -> bytes:
        """The exposition format, as a scrape gets it."""
        return generate_latest(self._registry)


def _family(metric: Any, value: Number | Mapping[Any, Number], labels: tuple[str, ...]) -> Metric:
    if not labels:
        metric.add_metric([], value)
    else:
        assert isinstance(value, Mapping)
        for key, number in sorted(value.items(), key=lambda item: str(item[0])):
            metric.add_metric([str(part) for part in (key if isinstance(key, tuple) else (key,))], number)
    result: Metric = metric
    return result
