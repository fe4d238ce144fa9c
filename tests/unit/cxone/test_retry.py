"""What is sent again, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cxone.message import Answer, Failure
from reconciler.cxone.retry import Deliver, GiveUp, Policy, Retry, Unknown, backoff, decide, retry_after

POLICY = Policy()
WALL = 1_800_000_000.0

chances = st.floats(0, 1, exclude_max=True)
attempts = st.integers(1, 30)
hints = st.one_of(st.none(), st.integers(0, 10_000).map(str), st.text(max_size=12))
answers = st.builds(
    lambda status, hint: Answer(status, {} if hint is None else {"retry-after": hint}, b"", "r"),
    st.integers(100, 599),
    hints,
)
failures = st.builds(
    lambda sent, lasting: Failure("broken", sent=sent, request_id="r", lasting=lasting), st.booleans(), st.booleans()
)


def judge(outcome: Answer | Failure, *, repeatable: bool = True, attempt: int = 1, chance: float = 0.5) -> object:
    return decide(outcome, repeatable=repeatable, attempt=attempt, policy=POLICY, wall=WALL, chance=chance)


def status(code: int, hint: str | None = None) -> Answer:
    return Answer(code, {} if hint is None else {"retry-after": hint}, b"", "r")


@given(st.one_of(answers, failures), attempts, chances)
def test_a_write_is_sent_again_only_when_it_was_surely_not_processed(
    outcome: Answer | Failure, attempt: int, chance: float
) -> None:
    decision = judge(outcome, repeatable=False, attempt=attempt, chance=chance)
    if isinstance(decision, Retry):
        if isinstance(outcome, Failure):
            assert not outcome.sent
        else:
            hint = retry_after(outcome.headers.get("retry-after"), WALL)
            assert outcome.status == 429 or (outcome.status == 503 and hint is not None)


@given(st.one_of(answers, failures), st.booleans(), attempts, chances)
def test_patience_ends_and_delays_are_bounded(
    outcome: Answer | Failure, repeatable: bool, attempt: int, chance: float
) -> None:
    decision = judge(outcome, repeatable=repeatable, attempt=attempt, chance=chance)
    if isinstance(decision, Retry):
        assert attempt < (POLICY.limited_attempts if decision.shared else POLICY.attempts)
        assert 0 <= decision.delay <= POLICY.longest_wait + 1


@given(st.integers(200, 299))
def test_a_success_is_delivered(code: int) -> None:
    assert judge(status(code), repeatable=False) == Deliver()


@pytest.mark.parametrize("code", [400, 401, 403, 404, 405, 409, 412, 413, 415, 422, 428, 301, 501, 505, 511])
def test_a_definite_answer_is_delivered(code: int) -> None:
    assert judge(status(code), repeatable=True) == Deliver()
    assert judge(status(code), repeatable=False) == Deliver()


@pytest.mark.parametrize("code", [408, 500, 502, 503, 504, 507, 520, 524, 599])
def test_an_uncertain_status_is_unknown_for_a_write_and_tried_again_for_a_read(code: int) -> None:
    assert judge(status(code), repeatable=False) == Unknown()
    assert isinstance(judge(status(code)), Retry)
    assert isinstance(judge(status(code), attempt=POLICY.attempts), GiveUp)


def test_a_lost_write_is_unknown_and_one_that_never_left_is_not() -> None:
    assert judge(Failure("reset", sent=True, request_id="r"), repeatable=False) == Unknown()
    assert isinstance(judge(Failure("refused", sent=False, request_id="r"), repeatable=False), Retry)
    assert judge(Failure("certificate", sent=False, request_id="r", lasting=True), repeatable=False) == GiveUp("")


def test_retry_after_is_waited_for_by_all() -> None:
    decision = judge(status(429, "7"), repeatable=False, chance=0.0)
    assert decision == Retry(7.0, shared=True)
    planned = judge(status(503, "7"), repeatable=False, chance=0.0)
    assert planned == Retry(7.0, shared=True)


def test_without_a_usable_retry_after_a_429_backs_off() -> None:
    assert judge(status(429), chance=0.5) == Retry(0.25, shared=True)
    assert judge(status(429, "soon"), chance=0.5) == Retry(0.25, shared=True)
    assert judge(status(429, "0"), chance=0.5) == Retry(0.25, shared=True)


def test_an_absurd_retry_after_is_not_waited_for() -> None:
    decision = judge(status(429, "86400"))
    assert isinstance(decision, GiveUp)
    assert "86400 s" in decision.why


@given(attempts, chances)
def test_backoff_has_full_jitter_under_a_doubling_cap(attempt: int, chance: float) -> None:
    longest = min(POLICY.cap, POLICY.base * 2 ** (attempt - 1))
    assert backoff(attempt, POLICY, chance) == pytest.approx(chance * longest)


@given(st.text())
def test_reading_retry_after_never_fails(text: str) -> None:
    seconds = retry_after(text, WALL)
    assert seconds is None or seconds >= 0


@given(st.integers(0, 100_000))
def test_retry_after_is_read_as_seconds_and_as_a_date(seconds: int) -> None:
    assert retry_after(str(seconds), WALL) == seconds
    date = format_datetime(datetime.fromtimestamp(WALL + seconds, UTC), usegmt=True)
    assert retry_after(date, WALL) == seconds


def test_a_date_gone_by_means_now() -> None:
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT", WALL) == 0
    assert retry_after("Wed, 21 Oct 2015 07:28:00", WALL) == 0
