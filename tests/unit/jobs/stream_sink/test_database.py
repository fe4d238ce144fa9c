"""What an error of PostgreSQL means for the batch in hand."""

from __future__ import annotations

import psycopg
import pytest

from reconciler.jobs.stream_sink.database import meaning_of


@pytest.mark.parametrize(
    ("state", "meaning"),
    [
        ("40P01", "contended"),
        ("40001", "contended"),
        ("55P03", "contended"),
        ("57014", "contended"),
        ("25P03", "contended"),
        ("40003", "away"),
        ("08006", "away"),
        ("53100", "away"),
        ("57P01", "away"),
        ("25006", "away"),
        ("23514", "data"),
        ("22003", "data"),
        ("42501", "fatal"),
        ("28P01", "fatal"),
    ],
)
def test_by_its_state(state: str, meaning: str) -> None:
    assert meaning_of(psycopg.errors.lookup(state)("x")) == meaning


def test_without_a_state_it_is_the_connection() -> None:
    assert meaning_of(psycopg.OperationalError("x")) == "away"
    assert meaning_of(psycopg.ProgrammingError("x")) == "fatal"
