"""A job's figures for Prometheus, kept whether or not anybody asks for them; served only with ``--metrics-port``."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

from reconciler.errors import UsageError
from reconciler.jobs.job import need_extra

Number = float | int


class JobMetrics:
    """Counters and gauges by name; without a place to serve them they are plain numbers."""

    def __init__(self, job: str) -> None:
        self._job = job
        self._values: dict[str, Number] = {}
        self._kinds: dict[str, tuple[str, str]] = {}

    def count(self, name: str, amount: Number = 1, *, about: str = "") -> None:
        """Add to a counter (``records_accepted``, ``requests`` …)."""
        self._kinds.setdefault(name, ("counter", about))
        self._values[name] = self._values.get(name, 0) + amount

    def gauge(self, name: str, value: Number, *, about: str = "") -> None:
        """Set a gauge (``lag_seconds`` …)."""
        self._kinds.setdefault(name, ("gauge", about))
        self._values[name] = value

    @property
    def values(self) -> Mapping[str, Number]:
        """All figures so far."""
        return dict(self._values)

    def collect(self) -> list[Any]:
        """The figures as Prometheus' client takes them; called for every scrape."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        families: list[Any] = []
        for name, value in dict(self._values).items():
            kind, about = self._kinds[name]
            family = CounterMetricFamily if kind == "counter" else GaugeMetricFamily
            found = family(f"reconciler_job_{name}", about or name.replace("_", " "), labels=["job"])
            found.add_metric([self._job], value)
            families.append(found)
        return families


class Collector(Protocol):
    """What can be asked for its figures at every scrape."""

    def collect(self) -> Iterable[Any]:
        """The figures as Prometheus' client takes them."""
        ...


def serve_metrics(metrics: Collector, place: tuple[str, int]) -> Callable[[], None]:
    """Serve ``/metrics`` until the function that is returned is called. Raises `UsageError` for a port that is taken."""
    need_extra("metrics", "prometheus_client")
    from prometheus_client import CollectorRegistry, start_http_server

    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    host, port = place
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise UsageError(
            f"metrics cannot be served on {host}:{port}: {error.strerror or error}", fix="choose another --metrics-port"
        ) from error

    def end() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return end
