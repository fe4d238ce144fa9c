"""What others do to the same tables at the same time: said by its name, and how often it was met."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import psycopg

from reconciler.jobs.metrics import JobMetrics

REPEATED: Final = 10
"""After so many attempts of one batch, and each time as many more, it is said again."""

_WORDS: Final = {
    "40001": "another transaction changed the same rows",
    "40P01": "a deadlock with another transaction",
    "55P03": "somebody holds a lock on the table, or on rows of it",
    "57014": "the statement was cancelled, by somebody or by statement_timeout",
    "25P03": "the transaction was ended for being idle",
    "25P04": "the transaction was ended for taking too long",
}


class Contention:
    """Tells of batches that gave way to somebody else: the first time for each reason, and where one gives way again and again."""

    def __init__(self, warn: Callable[[str], None], metrics: JobMetrics) -> None:
        self._warn = warn
        self._metrics = metrics
        self._told: set[str] = set()

    def met(self, error: psycopg.Error, text: str, attempt: int) -> None:
        """Note that an attempt, counted from 1, gave way; ``text`` is what the database says."""
        self._metrics.count("batches_retried", about="Transactions that gave way to others and were tried again")
        state = error.sqlstate or ""
        again = attempt > 1 and attempt % REPEATED == 0
        if state in self._told and not again:
            return
        self._told.add(state)
        words = _WORDS.get(state, "the transaction was rolled back")
        how_often = f" for the {attempt}th time" if again else ""
        self._warn(f"a batch could not be written{how_often}: {words} ({text} [{state}]); it is tried again")
