"""Settings, ids, the rate limit, fault rules and the request log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator import Client, Settings, parse_client
from reconciler.emulator.errors import ApiError
from reconciler.emulator.faults import Faults
from reconciler.emulator.ids import MAX_SEEDED, encode_id, seeded_id
from reconciler.emulator.rate_limit import RateLimit
from reconciler.emulator.request_log import CAPACITY, RequestLog
from reconciler.emulator.settings import SCOPES


def test_a_client_is_read_with_and_without_scopes() -> None:
    assert parse_client("ci:s3cret") == Client("ci", "s3cret", frozenset(SCOPES))
    both = frozenset({"data:read", "crm:connectors:read"})
    assert parse_client("ci:s3cret:data:read crm:connectors:read") == Client("ci", "s3cret", both)
    assert parse_client("ci:s3cret:data:read,crm:connectors:read").scopes == both
    assert parse_client("ci:s3cret:").scopes == frozenset()


@pytest.mark.parametrize("text", ["", "ci", "ci:", ":s", "ci:s:data:peek"])
def test_a_wrong_client_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_client(text)


def test_secrets_are_not_in_a_repr() -> None:
    assert "s3cret" not in repr(Settings(clients=(parse_client("ci:s3cret"),), webhook_secret="s3cret"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"page_size": 0},
        {"page_size": 501},
        {"rate_limit": 0.0},
        {"latency_seconds": -1.0},
        {"token_lifetime_seconds": 0},
        {"clients": (Client("a", "b"), Client("a", "c"))},
    ],
)
def test_settings_that_nobody_can_honour_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        Settings(state=Path("x"), **wrong)


@given(st.integers(0, 2**38), st.integers(1, 2**20))
def test_ids_sort_as_they_are_given_out(number: int, step: int) -> None:
    assert encode_id("c", number) < encode_id("c", number + step)
    assert "_" not in encode_id("c", number)


@given(st.integers(0, 2**14 - 1), st.integers(0, MAX_SEEDED - 1), st.integers(0, 2**38))
def test_seeded_ids_come_first_and_in_order(seed: int, index: int, number: int) -> None:
    assert seeded_id("c", seed, index) < seeded_id("c", seed, index + 1) < encode_id("c", number)


def test_a_rate_limit_lets_a_burst_through_then_names_whole_seconds() -> None:
    limit = RateLimit(2, now=0.0)
    assert [limit.wait(0.0) for _ in range(3)] == [0, 0, 1]
    assert limit.wait(0.5) == 0
    assert limit.wait(0.5) == 1


def test_a_slow_rate_limit_names_the_seconds_that_it_really_takes() -> None:
    limit = RateLimit(0.1, now=0.0)
    assert limit.wait(0.0) == 0
    assert limit.wait(0.0) == 10
    assert limit.wait(10.0) == 0


@given(st.floats(0.5, 50), st.lists(st.floats(0, 2), max_size=200))
def test_a_rate_limit_never_lets_more_through_than_it_says(per_second: float, gaps: list[float]) -> None:
    limit = RateLimit(per_second, now=0.0)
    now, passed = 0.0, 0
    for gap in gaps:
        now += gap
        passed += limit.wait(now) == 0
    assert passed <= max(1.0, per_second) + now * per_second + 1e-6


def rule(**more: Any) -> dict[str, Any]:
    return {"effect": {"status": 503}} | more


def test_rules_match_method_and_glob_and_run_out() -> None:
    faults = Faults()
    faults.add({"rules": [rule(match={"method": "patch", "path": "/api/v2/crm/*"}, times=2)]})
    assert faults.take("GET", "/api/v2/crm/connectors") is None
    assert faults.take("PATCH", "/api/v2/data/x") is None
    hits = [faults.take("PATCH", "/api/v2/crm/connectors/c1") for _ in range(3)]
    assert [hit.status if hit else None for hit in hits] == [503, 503, None]
    assert faults.as_json()["rules"][0]["hits"] == 2


def test_the_first_rule_with_times_left_wins() -> None:
    faults = Faults()
    faults.add({"rules": [rule(times=1), rule(effect={"status": 500})]})
    statuses = [effect.status for effect in (faults.take("GET", "/"), faults.take("GET", "/")) if effect]
    assert statuses == [503, 500]


def test_the_dice_fall_the_same_for_the_same_seed() -> None:
    def series(seed: int) -> list[bool]:
        faults = Faults()
        faults.add({"rules": [rule(rate=0.5)], "seed": seed})
        return [faults.take("GET", "/") is not None for _ in range(64)]

    assert series(1) == series(1)
    assert series(1) != series(2)
    assert 10 < sum(series(1)) < 54


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"rules": [{}]},
        {"rules": [rule(times=0)]},
        {"rules": [rule(rate=2)]},
        {"rules": [rule(effect={"status": 200})]},
        {"rules": [rule(effect={"status": 500, "drop": "after"})]},
        {"rules": [rule(effect={"drop": "sometimes"})]},
        {"rules": [rule(effect={"explode": True})]},
        {"rules": [rule(effect={"headers": {"A": "b\r\nc"}})]},
    ],
)
def test_wrong_rules_are_refused(wrong: dict[str, Any]) -> None:
    faults = Faults()
    with pytest.raises(ApiError) as error:
        faults.add(wrong)
    assert error.value.status == 400
    assert faults.as_json() == {"rules": []}


def test_the_log_is_bounded_and_keeps_its_numbers() -> None:
    log = RequestLog()
    for _ in range(CAPACITY + 5):
        log.open("GET", "/", "", "r", "t")
    assert [entry.seq for entry in log.since(0)][:1] == [6]
    assert [entry.seq for entry in log.since(CAPACITY + 3)] == [CAPACITY + 4, CAPACITY + 5]
    log.clear()
    assert log.open("GET", "/", "", "r", "t").seq == CAPACITY + 6
