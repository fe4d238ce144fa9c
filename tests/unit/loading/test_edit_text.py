"""Surgical edits of YAML texts: only what was asked for changes, and what cannot be edited alone says so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core.values import ABSENT
from reconciler.loading.edit_text import END, Edit, Uneditable, edit_document
from reconciler.loading.edit_values import flow
from reconciler.loading.yaml import parse_text

TEXT = """\
# head
kind: A  # which
spec:
  plain: one # said so
  'quoted': 'it''s'
  double: "a\\tb"
  flow: {a: 1, b: [x, y]}  # in brackets
  block: |
    first
    second
  # above the list
  list:
    - name: p   # first
      size: 1
    # between
    - {name: q, size: 2}
  empty: {}
  last: true
  # the end
"""


def edited(*edits: Edit, text: str = TEXT, index: int = 0) -> str:
    return edit_document(text, index, edits)


@pytest.mark.parametrize(
    ("edit", "before", "after"),
    [
        (Edit(("spec", "plain"), "two words"), "plain: one # said so", "plain: two words # said so"),
        (Edit(("spec", "plain"), "yes"), "plain: one #", 'plain: "yes" #'),
        (Edit(("spec", "plain"), "${x}"), "plain: one #", 'plain: "$${x}" #'),
        (Edit(("spec", "plain"), 7), "plain: one #", "plain: 7 #"),
        (Edit(("spec", "plain"), None), "plain: one #", "plain: null #"),
        (Edit(("spec", "plain"), ABSENT), "  plain: one # said so\n", ""),
        (Edit(("spec", "quoted"), "it's 2"), "'it''s'", "'it''s 2'"),
        (Edit(("spec", "double"), "new"), '"a\\tb"', '"new"'),
        (Edit(("spec", "flow", "a"), 2), "{a: 1,", "{a: 2,"),
        (Edit(("spec", "flow", "c"), "z"), "b: [x, y]}", "b: [x, y], c: z}"),
        (Edit(("spec", "flow", "a"), ABSENT), "{a: 1, b:", "{b:"),
        (Edit(("spec", "flow", "b"), ABSENT), "{a: 1, b: [x, y]}", "{a: 1}"),
        (Edit(("spec", "flow", "b", END), "z"), "[x, y]", "[x, y, z]"),
        (Edit(("spec", "flow", "b", 1), ABSENT), "[x, y]", "[x]"),
        (Edit(("spec", "block"), "other"), "|\n    first\n    second\n", "other\n"),
        (Edit(("spec", "list", 0, "size"), 3), "size: 1", "size: 3"),
        (Edit(("spec", "list", 0), ABSENT), "    - name: p   # first\n      size: 1\n", ""),
        (Edit(("spec", "list", 1), ABSENT), "    - {name: q, size: 2}\n", ""),
        (Edit(("spec", "list", END), {"name": "r"}), "q, size: 2}\n", "q, size: 2}\n    - {name: r}\n"),
        (Edit(("spec", "empty", "k"), "v"), "empty: {}", "empty: {k: v}"),
        (Edit(("spec", "fresh"), "v"), "last: true\n", "last: true\n  fresh: v\n"),
        (Edit(("spec", "last"), ABSENT), "  last: true\n", ""),
    ],
)
def test_one_edit_changes_one_place(edit: Edit, before: str, after: str) -> None:
    assert TEXT.count(before) == 1
    assert edited(edit) == TEXT.replace(before, after)


@pytest.mark.parametrize(
    ("before", "value", "after"),
    [
        ("|\n    a\n    b\n", "x\n\n  y\n", "|\n    x\n\n      y\n"),
        ("|-\n  a\n", "x\ny", "|-\n  x\n  y\n"),
        ("|+\n  a\n\n", "x\ny ${z}\n", "|\n  x\n  y $${z}\n\n"),
        ("| # why\n  a\n", "x\ny\n", "| # why\n  x\n  y\n"),
        ("> # why\n  a\n  b\n", "x", "x # why\n"),
        ("|\n  a\n", " x\ny\n", '" x\\ny\\n"\n'),
        ("|2\n   a\n", "x\ny\n", '"x\\ny\\n"\n'),
        ("!!str |\n  a\n", "x\ny\n", '"x\\ny\\n"\n'),
    ],
)
def test_a_block_of_lines_stays_one_with_its_comment(before: str, value: str, after: str) -> None:
    text = edited(Edit(("b",), value), text=f"a: 1\nb: {before}# end\nc: 2\n")
    assert text == f"a: 1\nb: {after}# end\nc: 2\n"
    documents, problems = parse_text(text, "f.yaml")
    assert not problems
    assert documents[0].value["b"] == value.replace("${", "$${")


def test_the_last_entry_leaves_an_empty_collection() -> None:
    assert edited(Edit(("a", "b"), ABSENT), text="a:\n  b: 1\nc: 2\n") == "a:\n  {}\nc: 2\n"
    assert edited(Edit(("a", "b"), ABSENT), text="a:\n  b: 1 # why\n") == "a:\n  {} # why\n"
    assert edited(Edit(("a", 0), ABSENT), text="a: [x]\n") == "a: []\n"


def test_several_edits_follow_each_other() -> None:
    text = edited(Edit(("spec", "plain"), {"type": "x"}), Edit(("spec", "plain", "size"), 4))
    assert "plain: {type: x, size: 4} # said so" in text


@pytest.mark.parametrize(("index", "expected"), [(0, "a: 9\n---\na: 2\n"), (1, "a: 1\n---\na: 9\n")])
def test_documents_are_told_apart(index: int, expected: str) -> None:
    assert edit_document("a: 1\n---\na: 2\n", index, [Edit(("a",), 9)]) == expected


def test_comments_before_the_first_marker_are_no_document() -> None:
    assert edit_document("# x\n---\na: 1\n", 0, [Edit(("a",), 9)]) == "# x\n---\na: 9\n"


@pytest.mark.parametrize(
    ("text", "edit"),
    [
        ("a: &x 1\nb: *x\n", Edit(("a",), 2)),
        ("a: &x 1\nb: *x\n", Edit(("b",), 2)),
        ("a:\n  b: &x 1\n  d: 1\nc: *x\n", Edit(("a", "b"), ABSENT)),
        ("a: {b: 1, # why\n  c: 2}\n", Edit(("a", "b"), ABSENT)),
        ("a:\n  b: # why\n    c\n", Edit(("a", "b"), ABSENT)),
        ("a: 1\n", Edit(("b", "c"), 2)),
        ("a: 1\n", Edit(("a", "c"), 2)),
        ("a:\n  b: 1\n", Edit(("a",), 2)),
        ("- - 1\n  - 2\n", Edit((0, 0), ABSENT)),
    ],
)
def test_what_cannot_change_alone_is_refused(text: str, edit: Edit) -> None:
    with pytest.raises(Uneditable):
        edit_document(text, 0, [edit])


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab :#-'\"", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


def _expressed(value: Any) -> Any:
    """Values are literal: what looks like an expression comes back escaped."""
    if isinstance(value, str):
        return value.replace("${", "$${")
    if isinstance(value, list):
        return [_expressed(item) for item in value]
    return {key: _expressed(item) for key, item in value.items()} if isinstance(value, dict) else value


@given(JSON)
def test_every_value_reads_back(value: Any) -> None:
    documents, problems = parse_text(f"a: {flow(value)}\nb: [{flow(value)}, x]\n", "f.yaml")
    # Control characters have no place in manifests, however they are written (M105): then the edit is refused.
    assume(not any(problem.rule.code == "M105" for problem in problems))
    assert not problems
    assert documents[0].value == {"a": _expressed(value), "b": [_expressed(value), "x"]}
