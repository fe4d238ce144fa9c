"""What is known of a sync after statements in whatever order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.jobs.extension_sync.status import MAX_ERRORS, SyncStatus, completed, merged, read_status

STATUSES = st.builds(
    SyncStatus,
    status=st.sampled_from(["PENDING", "RUNNING", "COMPLETED", "FAILED"]),
    total=st.integers(0, 5),
    processed=st.integers(0, 5),
    rejected=st.integers(0, 5),
    completed_at=st.sampled_from(["", "2026-01-01T00:00:00Z"]),
)
ORDER = {"PENDING": 0, "RUNNING": 1, "COMPLETED": 2, "FAILED": 2}


@given(st.lists(STATUSES))
def test_the_first_end_is_final_and_nothing_goes_back(said: list[SyncStatus]) -> None:
    known = SyncStatus()
    first = next((item for item in said if item.ended), None)
    for item in said:
        before, known = known, merged(known, item)
        assert ORDER[known.status] >= ORDER[before.status]
        if before.ended:
            assert known is before
        elif not known.ended and before.status == known.status:
            assert (known.total, known.processed, known.rejected) >= (before.total, before.processed, before.rejected)
    assert not known.ended if first is None else known == first


@given(STATUSES)
def test_saying_it_again_changes_nothing(said: SyncStatus) -> None:
    once = merged(SyncStatus(), said)
    assert merged(once, said) is once


@given(STATUSES)
def test_it_is_stored_as_the_tenant_says_it(said: SyncStatus) -> None:
    assert read_status(said.to_json()) == said


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "no object"),
        ([], "no object"),
        ({}, "no status"),
        ({"status": ["RUNNING"]}, "no status"),
        ({"status": "running"}, "no status"),
        ({"status": "RUNNING", "progress": []}, "progress"),
        ({"status": "RUNNING", "progress": {"totalRecords": True}}, "totalRecords"),
        ({"status": "RUNNING", "progress": {"totalRecords": 1.0}}, "totalRecords"),
        ({"status": "RUNNING", "progress": {"rejectedRecords": -1}}, "rejectedRecords"),
        ({"status": "RUNNING", "errors": {}}, "errors"),
        ({"status": "RUNNING", "errors": ["x"]}, "errors"),
        ({"status": "RUNNING", "errorsTruncated": "yes"}, "errorsTruncated"),
        ({"status": "RUNNING", "completedAt": 1}, "completedAt"),
    ],
)
def test_what_is_no_statement_is_refused(value: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read_status(value)


def test_what_is_left_out_has_a_meaning() -> None:
    errors = [{"type": "MALFORMED_RECORD", "recordId": 1}, {"type": "OTHER"}]
    found = read_status({"status": "FAILED", "errors": errors})
    assert (found.total, found.processed, found.rejected, found.truncated) == (0, 0, 1, False)
    assert found.malformed == errors[:1]
    assert read_status({"status": "FAILED", "progress": None, "errors": None, "errorsTruncated": 3}).truncated


def test_only_so_many_errors_are_kept() -> None:
    found = read_status({"status": "FAILED", "errors": [{"n": n} for n in range(MAX_ERRORS + 1)]})
    assert (len(found.errors), found.truncated) == (MAX_ERRORS, True)


def test_a_longer_list_of_errors_completes_the_same_end_and_no_other() -> None:
    short = SyncStatus("FAILED", 9, 7, 2, ({"n": 1},), truncated=True)
    whole = replace(short, errors=({"n": 1}, {"n": 2}), truncated=False)
    assert completed(short, whole) == whole
    assert completed(whole, short) is whole
    assert completed(short, replace(whole, status="COMPLETED")) is short
    assert completed(short, replace(whole, rejected=1)) is short
    running = SyncStatus("RUNNING", 9, 7, 2)
    assert completed(running, replace(whole, status="RUNNING")) is running
