"""The figures of a run that ended: account, latency, health."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.jobs.extension_sync.finish import account_of, health_event, latency_ms
from reconciler.jobs.extension_sync.run_record import RunRecord
from reconciler.jobs.extension_sync.status import SyncStatus
from reconciler.jobs.extension_sync.wait import BASE_SECONDS, CAP_SECONDS
from reconciler.jobs.tenant_sync import pause

BEGAN = 1_790_000_000.0


def record(**changes: object) -> RunRecord:
    made = RunRecord(BEGAN, "key", initiated_at=BEGAN, extension="x1")
    for name, value in changes.items():
        setattr(made, name, value)
    return made


@given(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.booleans())
def test_every_record_is_somewhere(accepted: int, rejected: int, aside: int, inclusive: bool) -> None:
    """Whether the tenant counts rejected records as processed or not."""
    processed = accepted + rejected if inclusive else accepted
    state = SyncStatus("COMPLETED", accepted + rejected, processed, rejected)
    sent = accepted + rejected
    account = account_of(record(read=sent + aside, served=sent, quarantined=aside), state, ours=True, full=False)
    assert account.balanced
    assert (account.accepted, account.rejected, account.quarantined, account.pending) == (accepted, rejected, aside, 0)
    theirs = account_of(record(), state, ours=False, full=False)
    assert theirs.balanced
    assert (theirs.read, theirs.accepted, theirs.rejected) == (sent, accepted, rejected)


def test_a_tenant_that_counts_more_than_it_was_offered_does_not_balance() -> None:
    assert not account_of(record(read=2, served=2), SyncStatus("COMPLETED", 3, 3), ours=True, full=False).balanced


def test_a_full_sync_that_failed_took_nothing() -> None:
    account = account_of(record(read=3, served=3), SyncStatus("FAILED", 3, 2, 1), ours=True, full=True)
    assert (account.accepted, account.rejected, account.pending, account.balanced) == (0, 1, 2, True)


@pytest.mark.parametrize(
    ("completed_at", "latency"),
    [
        ("2026-09-21T14:13:22.500Z", 2500),
        ("2026-09-21T16:13:22.500+02:00", 2500),
        ("2026-09-21T14:13:00Z", 0),  # before it began, by another clock
        ("2027-01-01T00:00:00Z", 9000),  # after we heard of it
        ("", 9000),
        ("yesterday", 9000),
        ("2026-09-21T14:13:22", 9000),  # of no zone
    ],
)
def test_latency_is_the_tenants_as_far_as_it_can_be(completed_at: str, latency: int) -> None:
    assert latency_ms(record(), SyncStatus("COMPLETED", completed_at=completed_at), BEGAN + 9) == latency


@pytest.mark.parametrize(
    ("status", "percent", "score"),
    [
        ("COMPLETED", 0.0, "HEALTHY"),
        ("COMPLETED", 1.999, "HEALTHY"),
        ("COMPLETED", 2.0, "DEGRADED"),
        ("FAILED", 0.0, "DEGRADED"),
    ],
)
def test_health_is_degraded_from_two_percent(status: str, percent: float, score: str) -> None:
    event = health_event(record(), SyncStatus(status), percent, 12)
    assert event["data"]["healthScore"] == score
    assert event["data"]["extensionId"] == "x1"


@given(st.integers(0, 5000), st.floats(0, 1, exclude_max=True))
def test_pauses_grow_to_a_bound(attempt: int, chance: float) -> None:
    seconds = pause(attempt, BASE_SECONDS, CAP_SECONDS, chance)
    assert BASE_SECONDS <= seconds <= CAP_SECONDS
    assert pause(attempt + 1, BASE_SECONDS, CAP_SECONDS, chance) >= seconds
