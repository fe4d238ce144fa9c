"""The expression language behind its wall: what it reads, what is refused, and that nothing in it takes the process down."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.loading.cel import LONGEST, Context, ExpressionError, compile_expression, message_parts

CHANGE = {
    "key": "Dataset/people",
    "action": "delete",
    "labels": {"team": "a"},
    "after": {"columns": {"id": {"type": "string"}}, "tags": ["x"]},
    "fields": [{"path": "columns.id", "before": None, "after": 3}],
}


def value(text: str, **change: Any) -> Any:
    context = Context({"change": {**CHANGE, **change}, "now": datetime(2026, 1, 2, tzinfo=UTC)})
    return compile_expression(text, "change").evaluate(context)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("change.action == 'delete'", True),
        ("has(change.labels.team) && !has(change.labels.owner)", True),
        ("'team' in change.labels", True),
        ("change.fields.exists(f, f.path.startsWith('columns.') && f.before == null)", True),
        ("change.fields.all(f, f.after > 2)", True),
        ("change.after.columns.map(c, c)[0]", "id"),
        ("change.key.matches('^Dataset/p')", True),
        ("now > timestamp('2026-01-01T00:00:00Z')", True),
        ("now.getDayOfWeek()", 5),
        ("type(change.labels) == map", True),
        ("size(change.fields) == 1 // one", True),
        ("true || change.labels.owner == 'x'", True),
    ],
)
def test_values(text: str, expected: Any) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("change.labels.owner == 'x'", "there is no owner here"),
        ("change.action + 1", "Unsupported operation"),
        ("change.action > 1", "No such overload"),
        ("1 / 0 == 1", "division by zero"),
        ("change.fields[7].path == ''", "7"),
        ("change.key.matches('[')", "not a valid regex"),
        ("int('x') == 1", "invalid digit"),
    ],
)
def test_what_fails_when_it_is_evaluated(text: str, says: str) -> None:
    with pytest.raises(ExpressionError, match=says):
        value(text)


@pytest.mark.parametrize(
    ("text", "place", "says"),
    [
        ("change.action ==", (1, 17), "syntax error"),
        ("true &&\n  change.kee == ''", (2, 10), "no field `kee`"),
        ("true &&\n  chang.key == ''", (2, 3), "no variable `chang`"),
        ("change.key.lower()", (1, 12), "no function `lower`"),
        ("plan.counts.all == 1", (1, 1), "no variable `plan`"),
        ("local.weekdy == ''", (1, 7), "no field `weekdy`"),
        ("target.url == target.nme", (1, 22), "no field `nme`"),
        ("", (1, 1), "syntax error"),
        ("'a", (1, 1), "syntax error"),
        ("x" * (LONGEST + 1), (1, 1), "at most"),
    ],
)
def test_what_is_found_before(text: str, place: tuple[int, int], says: str) -> None:
    with pytest.raises(ExpressionError, match=says) as caught:
        compile_expression(text, "change")
    assert (caught.value.line, caught.value.column) == place


@pytest.mark.parametrize(
    "text",
    [
        "'change.kee' == change.key",
        '"chang" != """plan.nope"""',
        "r'\\' == change.key || true",
        "true // change.kee, and chang",
        "{'kee': change.key}['kee'] == ''",
        "change.fields.exists(chang, chang.kee == '')",
        "change.after.change.kee == 1",
    ],
)
def test_what_only_looks_like_a_mistake(text: str) -> None:
    compile_expression(text, "change")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("change.key == ''", {"key": {}}),
        ("change.after.columns.id.type == ''", {"after": {"columns": {"id": {"type": {}}}}}),
        ("change.after.columns.id.type.size() > 0", {"after": {"columns": {"id": {"type": {}}}}}),
        ("change.after.columns.exists(c, c == 'id')", {"after": {"columns": {}}}),
        ("has(change.after.columns) && change.after.columns.id.type == ''", {"after": {"columns": {}}}),
        ("change.after['columns'].id == change.key", {"after": {}, "key": {}}),
        ("change == change", {}),
        ("change.fields.exists(change, change.path == '')", {}),
        ("size(change.labels) > 0", {"labels": {}}),
    ],
)
def test_what_is_read(text: str, read: object) -> None:
    assert compile_expression(text, "change").reads["change"] == read


@pytest.mark.parametrize(
    ("text", "items"),
    [
        (
            "plan.changes.exists(c, c.action == 'delete' && c.labels.team == '')",
            {"key": {}, "action": {}, "labels": {"team": {}}},
        ),
        ("plan.changes.size() > 3", {"key": {}}),
        ("plan.changes.filter(c, c.action == 'delete').size() > 3", {}),
        ("plan.changes[0].action == ''", {}),
        ("plan.changes.exists(c, c == plan.changes[0])", {}),
        ("plan.changes.all(c, c.fields.exists(f, f.path == c.name))", {"key": {}, "fields": {}, "name": {}}),
        ("plan.counts.all > 1", {}),
    ],
)
def test_what_is_read_of_the_plans_changes(text: str, items: object) -> None:
    assert compile_expression(text, "plan").items == items


HOSTILE = [
    *(char * (LONGEST - 10) for char in "([{!-\"'\n\\"),
    "!" * (LONGEST - 10) + "true",
    "-" * (LONGEST - 10) + "1",
    "1" + "+1" * (LONGEST // 2 - 10),
    "change" + ".a" * (LONGEST // 2 - 10),
    "[1].map(a," * (LONGEST // 10 - 10),
    "true?" * (LONGEST // 5 - 10),
    "\x00",
    "\U0001f600 +",
    "é" * 100 + "\n" * 3000 + "+",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_ends_in_a_value_or_an_error(text: str) -> None:
    with pytest.raises(ExpressionError):  # noqa: PT012 - wherever it fails
        value(text)
        raise ExpressionError("a value")


@given(st.text(max_size=60))
def test_any_text_ends_in_a_value_or_an_error(text: str) -> None:
    failure = None
    try:
        value(text)
    except ExpressionError as error:
        failure = error
    assert failure is None or (failure.message and failure.line >= 1 and failure.column >= 1)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("plain", [(False, "plain")]),
        (
            "{change.key} is {change.action}!",
            [(True, "change.key"), (False, " is "), (True, "change.action"), (False, "!")],
        ),
        ("{{literal}}", [(False, "{literal}")]),
        ("", []),
    ],
)
def test_messages(text: str, parts: list[tuple[bool, str]]) -> None:
    assert [part[:2] for part in message_parts(text)] == parts


@pytest.mark.parametrize("text", ["{", "a {b", "a}", "{a}}"])
def test_braces_that_do_not_match(text: str) -> None:
    with pytest.raises(ExpressionError):
        list(message_parts(text))
