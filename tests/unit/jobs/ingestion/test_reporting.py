"""Figures and judgements of a report."""

from __future__ import annotations

import gzip

import pytest

from reconciler.errors import AuthenticationError, ReconcilerError, SourceUnusable
from reconciler.jobs.ingestion.checkpoint import Checkpoint
from reconciler.jobs.ingestion.reporting import done_since, is_damage
from reconciler.jobs.report import Account


def test_a_resumed_run_is_measured_by_its_own_records() -> None:
    start = Checkpoint("r", "", {}, read=900, accepted=880, rejected=10, quarantined=15)
    now = Account(read=2000, accepted=1900, rejected=10, quarantined=30, pending=60)
    assert done_since(start, now) == 2000 - 905
    assert done_since(Checkpoint("r", "", {}), now) == 2000


def caused(error: ReconcilerError, cause: Exception | None) -> ReconcilerError:
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (caused(SourceUnusable("x"), None), True),
        (caused(SourceUnusable("x"), EOFError()), True),
        (caused(SourceUnusable("x"), gzip.BadGzipFile("x")), True),
        (caused(SourceUnusable("x"), PermissionError(13, "no")), False),
        (AuthenticationError("x"), False),
    ],
)
def test_only_what_stays_as_it_is_is_damage(error: ReconcilerError, expected: bool) -> None:
    assert is_damage(error) is expected
