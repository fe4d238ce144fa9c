"""The figures of a watch for Prometheus: what has drifted, for how long, and whether the watch itself is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from reconciler.engine.clock import now
from reconciler.engine.watch import Round


class WatchMetrics:
    """What the last round said; read by the server's thread, written between rounds. Labels carry the target."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._last: Round | None = None
        self._success: datetime | None = None
        self._rounds: Counter[str] = Counter()

    def update(self, last: Round) -> None:
        """Take the figures of a round."""
        self._rounds["error" if last.error else "success"] += 1
        self._success = self._success if last.error else last.at
        self._last = last

    def collect(self) -> Iterable[Any]:
        """The figures as Prometheus' client takes them; called for every scrape."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        last = self._last
        if last is None or last.drift is None:
            return
        drifted = GaugeMetricFamily(
            "reconciler_drift_resources", "Resources that differ from what was last applied", labels=["target", "kind"]
        )
        found = Counter(change.key.kind for change in last.drift.plan.drifted)
        for kind in sorted({*found, *last.drift.observed}):
            drifted.add_metric([self._target, kind], found[kind])
        yield drifted
        age = (now() - last.since).total_seconds() if last.since else 0.0
        yield self._gauge("reconciler_drift_oldest_seconds", "Age of the oldest drift", max(age, 0.0))
        if last.drift.unmanaged:
            yield self._gauge(
                "reconciler_drift_unmanaged", "Live resources that no manifest declares", len(last.drift.unmanaged)
            )
        yield self._gauge(
            "reconciler_drift_last_run_timestamp_seconds", "When the last look ended", last.at.timestamp()
        )
        success = self._success.timestamp() if self._success else 0.0
        yield self._gauge("reconciler_drift_last_success_timestamp_seconds", "When the last good look ended", success)
        yield self._gauge("reconciler_drift_up", "Whether the last look succeeded", 0 if last.error else 1)
        rounds = CounterMetricFamily("reconciler_drift_rounds", "Looks at the tenant", labels=["target", "result"])
        for result in ("success", "error"):
            rounds.add_metric([self._target, result], self._rounds[result])
        yield rounds
        requests = CounterMetricFamily("reconciler_drift_requests", "Requests to the tenant", labels=["target"])
        requests.add_metric([self._target], last.requests)
        yield requests

    def _gauge(self, name: str, about: str, value: float) -> Any:
        from prometheus_client.core import GaugeMetricFamily

        family = GaugeMetricFamily(name, about, labels=["target"])
        family.add_metric([self._target], value)
        return family
