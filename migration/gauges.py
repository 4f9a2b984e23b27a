"""Collect metrics when /metrics is read: which half of the cloud is up, and what waits for it. Asks no server."""

from collections.abc import Iterable, Iterator

from django.db import DatabaseError
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from core import cloud
from migration import waiting


class CloudCollector(Collector):
    def describe(self) -> Iterable[Metric]:
        # The names alone, without asking a database.
        return _families()

    def collect(self) -> Iterator[Metric]:
        up, pending, size = _families()
        for half in cloud.halves:
            if half.on:
                up.add_metric([half.name], float(half.up))
        yield up
        try:
            waits = waiting.counts()
        except DatabaseError:
            # The local database cannot be read. No figure is better than a wrong one.
            return
        pending.add_metric(["conversations"], waits.conversations)
        pending.add_metric(["recordings"], waits.recordings)
        size.add_metric([], waits.bytes)
        yield pending
        yield size


def _families() -> tuple[GaugeMetricFamily, GaugeMetricFamily, GaugeMetricFamily]:
    waits = "What waits in the local database for the cloud."
    return (
        GaugeMetricFamily("talking_agent_cloud_up", "Is this half of the cloud up? 1 or 0.", labels=["backend"]),
        GaugeMetricFamily("talking_agent_pending", waits, labels=["what"]),
        GaugeMetricFamily("talking_agent_pending_bytes", "Bytes of recordings that wait for the bucket."),
    )
