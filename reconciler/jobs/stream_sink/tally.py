"""What a sink has done so far: the account, the figures, and how far it is behind."""

from __future__ import annotations

import time
from dataclasses import dataclass

from reconciler.jobs.metrics import JobMetrics
from reconciler.jobs.report import Account


@dataclass(slots=True)
class Tally:
    """Counts of one run. ``recovered`` events were left by an earlier one; they count as read.

    ``began`` is when the first event was received, ``ended`` when the last batch was committed (monotonic seconds).
    """

    metrics: JobMetrics
    recovered: int = 0
    received: int = 0
    accepted: int = 0
    refused: int = 0
    batches: int = 0
    connections: int = 0
    began: float = 0.0
    ended: float = 0.0

    def keep(self, messages: int) -> None:
        """Messages were received and are in the spool."""
        self.began = self.began or time.monotonic()
        self.received += messages
        self.metrics.count("events_read", messages, about="Events received")

    def wrote(self, accepted: int, refused: int) -> None:
        """A batch was committed."""
        self.ended = time.monotonic()
        self.began = self.began or self.ended
        self.accepted += accepted
        self.refused += refused
        self.batches += 1
        self.metrics.count(
            "events_accepted", accepted, about="Events that are in the table, or older than what stands there"
        )
        self.metrics.count("events_dead_lettered", refused, about="Events that are in the dead-letter table")
        self.metrics.count("batches", about="Transactions committed")

    def connected(self, connections: int) -> None:
        """The stream was connected for the so-manieth time."""
        self.connections = connections
        reconnects = max(connections - 1, 0)
        self.metrics.gauge("stream_reconnects", reconnects, about="Times that the stream had to be connected again")

    def waiting(self, events: int, size_bytes: int, lag: float, *, away: bool) -> None:
        """What waits in the spool, and the age in seconds of the oldest event that is not committed."""
        gauge = self.metrics.gauge
        gauge("spool_events", events, about="Events received and not yet committed")
        gauge("spool_bytes", size_bytes, about="Bytes of the spool on disk")
        gauge("lag_seconds", round(lag, 3), about="Age of the oldest event that is not committed, from its receipt")
        gauge("database_away", int(away), about="1 while the database cannot be reached")
        gauge("events_per_second", self.rate, about="Mean rate from the first event's receipt to the last commit")

    @property
    def rate(self) -> float:
        """Events committed a second, from the receipt of the first to the last commit."""
        return round((self.accepted + self.refused) / max(self.ended - self.began, 0.001), 1)

    def account(self, pending: int) -> Account:
        """Where every event went."""
        return Account(
            read=self.recovered + self.received, accepted=self.accepted, rejected=self.refused, pending=pending
        )
