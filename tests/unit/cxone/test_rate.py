"""The pace, against servers that count in different ways, in simulated time."""

from __future__ import annotations

import heapq
import itertools
import math
from dataclasses import dataclass
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.cxone.rate import CREDIT_SECONDS, SLOWEST, RateController


class Server(Protocol):
    def wait(self, now: float) -> int: ...


class Bucket:
    """Tokens that refill steadily; whole seconds to wait when there are none."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.level, self.then = rate, burst, burst, 0.0

    def wait(self, now: float) -> int:
        self.level = min(self.burst, self.level + (now - self.then) * self.rate)
        self.then = now
        if self.level >= 1:
            self.level -= 1
            return 0
        return max(1, math.ceil((1 - self.level) / self.rate))


class Window:
    """So many in each second of the clock."""

    def __init__(self, rate: float) -> None:
        self.rate, self.second, self.count = rate, -1, 0

    def wait(self, now: float) -> int:
        if int(now) != self.second:
            self.second, self.count = int(now), 0
        self.count += 1
        return 0 if self.count <= self.rate else 1


@dataclass(frozen=True)
class Account:
    """What came of a run: seconds it took, requests taken, requests answered 429."""

    seconds: float
    taken: int
    limited: int

    @property
    def rate(self) -> float:
        return self.taken / self.seconds

    @property
    def share_limited(self) -> float:
        return self.limited / (self.taken + self.limited)


def simulate(server: Server, *, requests: int, in_flight: int = 10, latency: float = 0.005) -> Account:
    """Send as the limiter does: ``in_flight`` at most, one waiting for its turn at a time."""
    controller = RateController(None, 0.0)
    order = itertools.count()
    events: list[tuple[float, int, str, float, int]] = [(0.0, next(order), "turn", 0.0, 0)]
    free, left, taken, limited, now, waiting = in_flight, requests, 0, 0, 0.0, True
    while taken < requests:
        now, _, what, sent, wait = heapq.heappop(events)
        if what == "turn":
            waiting = False
        elif what == "arrival":
            heapq.heappush(events, (now + latency / 2, next(order), "answer", sent, server.wait(now)))
        else:
            free += 1
            if wait:
                limited, left = limited + 1, left + 1
                controller.limited(now, sent, wait)
            else:
                taken += 1
                controller.succeeded()
        while free and left and not waiting:
            delay = controller.delay(now)
            if delay > 0:
                waiting = True
                heapq.heappush(events, (now + delay + 0.0005, next(order), "turn", 0.0, 0))
            else:
                free, left = free - 1, left - 1
                heapq.heappush(events, (now + latency / 2, next(order), "arrival", now, 0))
    return Account(now, taken, limited)


@given(st.integers(20, 300), st.floats(0.001, 0.02))
def test_a_limited_server_is_used_well_and_rarely_bothered(limit: int, latency: float) -> None:
    account = simulate(Bucket(limit, limit), requests=limit * 20, latency=latency)
    assert account.rate >= 0.9 * limit
    assert account.share_limited < 0.05


def test_fifty_a_second_is_reached_with_under_two_percent_refused() -> None:
    account = simulate(Bucket(50, 50), requests=1000)
    assert account.rate >= 0.9 * 50
    assert account.share_limited < 0.02


@pytest.mark.parametrize("latency", [0.005, 0.05])
def test_a_server_that_counts_by_clock_seconds_is_used_well_too(latency: float) -> None:
    account = simulate(Window(50), requests=3000, latency=latency)
    assert account.rate >= 0.85 * 50
    assert account.share_limited < 0.02


def test_a_small_burst_does_not_settle_the_rate_for_long() -> None:
    account = simulate(Bucket(50, 5), requests=3000)
    assert account.rate >= 0.6 * 50


@given(st.floats(1, 500), st.lists(st.floats(0, 0.2), min_size=1, max_size=300))
def test_the_configured_rate_is_never_exceeded(ceiling: float, gaps: list[float]) -> None:
    controller = RateController(ceiling, 0.0)
    now, granted = 0.0, 0
    for gap in gaps:
        now += gap
        while controller.delay(now) == 0:
            granted += 1
        assert granted <= ceiling * (now + CREDIT_SECONDS) + 1 + 1e-6


@given(st.floats(0.1, 300), st.one_of(st.none(), st.floats(1, 100)), st.floats(0, 0.999))
def test_nothing_leaves_during_a_pause(seconds: float, ceiling: float | None, part: float) -> None:
    controller = RateController(ceiling, 0.0)
    assert controller.delay(1.0) == 0
    controller.limited(1.0, 1.0, seconds)
    assert controller.delay(1.0 + seconds * part) == pytest.approx(seconds * (1 - part))
    assert controller.delay(1.0 + seconds + 1 / SLOWEST) == 0


def test_a_429_slows_down_once_for_all_that_were_in_flight() -> None:
    controller = RateController(100, 0.0)
    for moment in range(1, 11):
        assert controller.delay(moment) == 0
    controller.limited(10.5, 10.0, 1)
    slower = controller.rate
    assert slower is not None
    assert slower < 100
    for _ in range(9):
        controller.limited(10.5, 10.0, 1)
    assert controller.rate == slower


def test_a_planned_pause_does_not_slow_down() -> None:
    controller = RateController(100, 0.0)
    controller.pause(0.0, 30)
    assert controller.rate == 100
    assert controller.delay(0.0) == 30


@given(st.lists(st.booleans(), max_size=200))
def test_the_rate_stays_positive_and_under_the_ceiling(limited: list[bool]) -> None:
    controller = RateController(20, 0.0)
    now = 0.0
    for refused in limited:
        now += controller.delay(now) or 0.01
        if refused:
            controller.limited(now, now, 1)
        else:
            controller.succeeded()
        assert controller.rate is not None
        assert SLOWEST <= controller.rate <= 20


def test_a_ceiling_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="more than 0"):
        RateController(0, 0.0)


def _time_for(pace: RateController, requests: int, now: float) -> float:
    """When so many requests have left that the server all takes."""
    for _ in range(requests):
        while (wait := pace.delay(now)) > 0:
            now += wait
        pace.succeeded()
    return now


def test_a_429_among_the_first_requests_holds_up_a_short_run_for_seconds_only() -> None:
    pace = RateController(None, 0.0)
    pace.delay(0.0)
    pace.limited(0.1, 0.0, 1.0)
    assert _time_for(pace, 16, 0.1) < 5.0


def test_a_slow_pace_recovers_by_the_time_that_passes_not_by_the_request() -> None:
    pace = RateController(None, 0.0)
    pace.delay(0.0)
    pace.limited(0.1, 0.0, 0.0)
    pace.delay(1.0)
    pace.succeeded()
    pace.delay(20.0)
    pace.limited(20.1, 20.0, 0.0)
    slow = pace.rate
    assert slow is not None
    assert slow <= SLOWEST
    _time_for(pace, 12, 20.1)
    assert pace.rate > 2 * SLOWEST


def test_refusals_with_nothing_taken_between_them_are_no_measurement() -> None:
    pace, now = RateController(None, 0.0), 0.0
    for _ in range(10):
        while (wait := pace.delay(now)) > 0:
            now += wait
        pace.limited(now + 0.01, now, 0.0)
        now += 0.01
    began = now
    assert _time_for(pace, 200, now) - began < 20.0
