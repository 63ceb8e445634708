"""Counters as Prometheus reads them. Needs prometheus_client (the extra `metrics`).

Owns the names on the page: `ocpp_` and the counter's own. Knows nothing of HTTP but the content type.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ocpp_trio.observe.counters import Counters

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def exposition(counters: Counters, gauges: Mapping[str, float] | None = None) -> bytes:
    """The text format of what was counted, and of some values of this moment by name."""
    registry = CollectorRegistry()
    registry.register(_Snapshot(counters, gauges or {}))
    return generate_latest(registry)


class _Snapshot(Collector):
    def __init__(self, counters: Counters, gauges: Mapping[str, float]) -> None:
        self._counters = counters
        self._gauges = gauges

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry would collect once only to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        for name, value in self._gauges.items():
            yield GaugeMetricFamily(f"ocpp_{name}", f"{name.replace('_', ' ')} at this moment", value)
        families: dict[str, CounterMetricFamily] = {}
        for name, labels, count in self._counters:
            if name not in families:
                families[name] = CounterMetricFamily(
                    f"ocpp_{name}", f"{name.replace('_', ' ')} since the start", labels=list(labels)
                )
            families[name].add_metric(list(labels.values()), count)
        yield from families.values()
