"""How far a simulated sync is at which moment."""

from __future__ import annotations

import pytest

from reconciler.emulator.syncs.connector import begin, status


@pytest.mark.parametrize(
    ("seconds", "failure", "word", "records"),
    [
        (0.0, None, "PENDING", 0),
        (0.4, None, "PENDING", 0),
        (0.5, None, "RUNNING", 0),
        (1.25, None, "RUNNING", 500),
        (2.0, None, "COMPLETED", 1000),
        (1e9, None, "COMPLETED", 1000),
        (1.25, "no", "RUNNING", 250),
        (2.0, "no", "FAILED", 500),
    ],
)
def test_status(seconds: float, failure: str | None, word: str, records: int) -> None:
    found = status("s1", begin("FULL", 100, 1024.0, failure), 1024.0 + seconds)
    details = "no" if word == "FAILED" else None
    assert found == {"syncId": "s1", "status": word, "recordsProcessed": records, "errorDetails": details}
