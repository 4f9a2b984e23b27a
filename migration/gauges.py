"""What is looked up when /metrics is read: which half of the cloud is up, and what waits for it. No server is asked."""

from collections.abc import Iterable, Iterator

from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from migration import shelter
from talking_agent import cloud


class CloudCollector(Collector):
    def describe(self) -> Iterable[Metric]:
        return [_up(), _pending(), _pending_bytes()]  # their names, without asking a database

    def collect(self) -> Iterator[Metric]:
        up = _up()
        for half in cloud.halves:
            if half.on:
                up.add_metric([half.name], float(half.up))
        yield up
        try:
            waits = shelter.pending()
        except DatabaseError:  # the shelter cannot be read: no figure is better than a wrong one
            return
        pending, size = _pending(), _pending_bytes()
        pending.add_metric(["conversations"], waits.conversations)
        pending.add_metric(["recordings"], waits.recordings)
        size.add_metric([], waits.bytes)
        yield pending
        yield size


def _up() -> GaugeMetricFamily:
    return GaugeMetricFamily("talking_agent_cloud_up", "Is this half of the cloud up? 1 or 0.", labels=["backend"])


def _pending() -> GaugeMetricFamily:
    return GaugeMetricFamily("talking_agent_pending", "What waits in the shelter for the cloud.", labels=["what"])


def _pending_bytes() -> GaugeMetricFamily:
    return GaugeMetricFamily("talking_agent_pending_bytes", "Bytes of recordings that wait for the bucket.")
