"""The numbers of a workspace for Prometheus: counts and times, nothing of anybody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Histogram, generate_latest, start_http_server
from prometheus_client.core import GaugeMetricFamily, Metric

from formgen.intake.health import check_health
from formgen.settings import Workspace
from formgen.storage.journal import Journal

BUCKETS = (0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 7200, 86400)


@dataclass(frozen=True)
class MetricsCollector:
    """What is told of a workspace when it is asked for."""

    workspace: Workspace
    journal: Journal

    def collect(self) -> Iterator[Metric]:
        """Yield the numbers as they are now."""
        found = check_health(self.workspace, self.journal, time.time())
        returns = GaugeMetricFamily("formgen_returns", "Returns by outcome.", labels=["outcome"])
        for outcome, number in found.counts.items():
            returns.add_metric([outcome], number)
        yield returns
        yield GaugeMetricFamily("formgen_returns_received", "Returns that have come.", found.received)
        yield GaugeMetricFamily("formgen_inbox_files", "Files in the inbox.", found.inbox)
        yield GaugeMetricFamily("formgen_inbox_oldest_seconds", "Age of the oldest file.", found.oldest or 0)
        yield GaugeMetricFamily("formgen_watcher_alive", "Whether a daemon is at work.", int(found.alive))
        yield GaugeMetricFamily("formgen_problems", "Problems that status names.", len(found.problems))


def build_metrics_registry(workspace: Workspace, journal: Journal) -> CollectorRegistry:
    """Build the registry that tells the numbers of a workspace."""
    registry = CollectorRegistry()
    registry.register(MetricsCollector(workspace, journal))
    return registry


def render_metrics(workspace: Workspace, journal: Journal) -> str:
    """Return the numbers as text, such as node_exporter reads from a file."""
    return generate_latest(build_metrics_registry(workspace, journal)).decode()


def serve_metrics(workspace: Workspace, journal: Journal, port: int) -> Histogram:
    """Tell the numbers to who asks on this machine's own port, and return what takes the seconds of each return."""
    registry = build_metrics_registry(workspace, journal)
    seconds = Histogram("formgen_return_seconds", "From arrival to outcome.", buckets=BUCKETS, registry=registry)
    start_http_server(port, addr="127.0.0.1", registry=registry)
    return seconds
