"""What goes into an execution and what is shown of it."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.action_env import parse_environment
from reconciler.emulator.actions import LOGS_HEADER_BYTES, logs_header
from reconciler.emulator.execution.judge import problems_of, without_unset


def test_an_environment_file() -> None:
    text = "# comment\n\nA=1\n export B = two words \nC='#x'\nD=\"q\nE=\nF=a=b\n"
    assert parse_environment(text) == {"A": "1", "B": "two words", "C": "#x", "D": '"q', "E": "", "F": "a=b"}


@pytest.mark.parametrize("line", ["A", "1A=x", "=x", "A-B=x", "A=\0"])
def test_a_wrong_line_is_named_by_its_number_alone(line: str) -> None:
    with pytest.raises(ValueError, match=r"^line 2 is not NAME=value$"):
        parse_environment(f"OK=1\n{line}")


@given(st.lists(st.builds(lambda m: {"level": "info", "message": m}, st.text(max_size=3000)), max_size=20))
def test_the_header_of_logs_holds_the_latest_lines_that_fit(logs: list[dict[str, Any]]) -> None:
    header = logs_header(logs)
    assert len(header) <= 2 * LOGS_HEADER_BYTES
    shown = json.loads(base64.b64decode(header))
    if shown == logs:
        return
    assert "left out" in shown[0]["message"]
    assert shown[1:] == (logs[1 - len(shown) :] if len(shown) > 1 else [])


def test_only_a_declared_null_is_unset() -> None:
    schema = {"properties": {"a": {"type": "string"}}}
    assert without_unset(schema, {"a": None, "b": None, "c": 1}) == {"b": None, "c": 1}
    assert without_unset(schema, [None]) == [None]


def test_problems_say_where() -> None:
    schema = {"properties": {"list": {"items": {"type": "integer"}}}, "required": ["n"]}
    problems = problems_of(schema, {"list": [1, "x"]}, "inputs")
    assert {problem.field for problem in problems} == {"inputs", "inputs.list[1]"}
    assert problems_of(schema, "text", "inputs")[0].message == "must be an object"
