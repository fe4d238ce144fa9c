"""Moments in UTC wherever the tool runs, and fields of extensions that say all there is to say."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from reconciler.core.acknowledge import stamp
from reconciler.core.normalise import NORMALISERS


@pytest.fixture
def _in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("_in_tokyo")
def test_moments_are_in_utc_wherever_the_tool_runs() -> None:
    assert stamp(datetime(2026, 5, 1, 12, 0, 5, 999, tzinfo=UTC)) == "2026-05-01T12:00:05Z"
    assert NORMALISERS["datetime"]("2026-05-01T12:00:00+02:00") == "2026-05-01T10:00:00Z"
    assert NORMALISERS["date"]("2026-05-01T02:00:00+02:00") == "2026-05-01"


@pytest.mark.parametrize(
    ("given", "full"),
    [
        ({"type": "string"}, {"nullable": True, "maxLength": 255, "type": "string"}),
        ({"type": "string", "nullable": False}, {"nullable": False, "maxLength": 255, "type": "string"}),
        ({"type": "string", "maxLength": 9}, {"nullable": True, "maxLength": 9, "type": "string"}),
        ({"type": "number"}, {"nullable": True, "type": "number"}),
        ({"type": "number", "nullable": None, "maxLength": None}, {"nullable": True, "type": "number"}),
        (
            {"type": "string", "nullable": True, "maxLength": None},
            {"nullable": True, "maxLength": 255, "type": "string"},
        ),
    ],
)
def test_a_field_of_an_extension_gets_what_the_server_fills_in(given: dict[str, Any], full: dict[str, Any]) -> None:
    assert NORMALISERS["field"](given) == full


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("field", {"type": "string", "nullable": True, "maxLength": 1}),
        ("field", {"type": "number", "nullable": False}),
        ("column", {"type": "string", "nullable": True}),
        ("url", "no url"),
    ],
)
def test_what_says_it_all_is_not_copied(name: str, value: Any) -> None:
    assert NORMALISERS[name](value) is value
