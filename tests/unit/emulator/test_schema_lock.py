"""What may change about the columns of a populated resource."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.emulator.schema_lock import locked_changes

STRING = {"type": "string", "nullable": True}


@pytest.mark.parametrize(
    ("before", "after", "locked"),
    [
        ({"a": STRING}, {"a": STRING}, []),
        ({"a": STRING}, {"a": STRING, "b": STRING}, []),
        ({"a": STRING}, {"a": STRING, "b": STRING | {"nullable": False}}, ["columns.b"]),
        ({"a": STRING, "b": STRING}, {"a": STRING}, ["columns.b"]),
        ({"a": STRING}, {"a": STRING | {"type": "number"}}, ["columns.a"]),
        ({"a": STRING}, {"a": STRING | {"nullable": False}}, ["columns.a"]),
        ({"a": STRING | {"nullable": False}}, {"a": STRING}, ["columns.a"]),
        ({"a": STRING | {"maxLength": 10}}, {"a": STRING | {"maxLength": 11}}, []),
        ({"a": STRING | {"maxLength": 10}}, {"a": STRING}, []),
        ({"a": STRING | {"maxLength": 10}}, {"a": STRING | {"maxLength": 9}}, ["columns.a"]),
        ({"a": STRING}, {"a": STRING | {"maxLength": 10}}, ["columns.a"]),
        ({"a": STRING}, {"a": STRING | {"description": "text"}}, []),
        ({"a": STRING, "b": STRING}, {"c": STRING}, ["columns.a", "columns.b"]),
    ],
)
def test_locked_changes(before: Any, after: Any, locked: list[str]) -> None:
    assert [problem.field for problem in locked_changes(before, after, "columns")] == locked
