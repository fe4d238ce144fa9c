"""Preconditions (RFC 9110 §13): comparison, order, and what malformed headers do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.preconditions import ABSENT, Conditions, Tag, Verdict, View, evaluate, parse_tags

HERE = View(exists=True, etag="abc")
VERSIONED = View(exists=True, etag="abc", version="1.2.0")

OPAQUE = st.text(st.characters(min_codepoint=0x23, max_codepoint=0x7E), max_size=6)
TAGS = st.lists(st.builds(Tag, OPAQUE, st.booleans()), min_size=1, max_size=4)


def written(tags: list[Tag]) -> str:
    return " , ".join(f'{"W/" if tag.weak else ""}"{tag.value}"' for tag in tags)


@pytest.mark.parametrize(
    ("header", "view", "verdict"),
    [
        ('"abc"', HERE, Verdict.PROCEED),
        ('"x", "abc"', HERE, Verdict.PROCEED),
        ('"a,bc", "abc"', HERE, Verdict.PROCEED),
        ("*", HERE, Verdict.PROCEED),
        (" * ", HERE, Verdict.PROCEED),
        ('"abd"', HERE, Verdict.MISMATCH),
        ('W/"abc"', HERE, Verdict.MISMATCH),
        ("abc", HERE, Verdict.MISMATCH),
        ("", HERE, Verdict.MISMATCH),
        ('"abc', HERE, Verdict.MISMATCH),
        ('"abc" "abc"', HERE, Verdict.MISMATCH),
        ("*", ABSENT, Verdict.MISMATCH),
        ('"abc"', ABSENT, Verdict.MISMATCH),
        ("1.2.0", VERSIONED, Verdict.PROCEED),
        ('"1.2.0"', VERSIONED, Verdict.PROCEED),
        ("abc", VERSIONED, Verdict.PROCEED),
        ('W/"1.2.0"', VERSIONED, Verdict.MISMATCH),
        ("1.2.1", VERSIONED, Verdict.MISMATCH),
        (None, HERE, Verdict.REQUIRED),
    ],
)
def test_if_match(header: str | None, view: View, verdict: Verdict) -> None:
    assert evaluate(Conditions(if_match=header), view, safe=False, match_required=True) is verdict


@pytest.mark.parametrize(
    ("header", "view", "safe", "verdict"),
    [
        ('"abc"', HERE, True, Verdict.NOT_MODIFIED),
        ('W/"abc"', HERE, True, Verdict.NOT_MODIFIED),
        ('"x", W/"abc"', HERE, True, Verdict.NOT_MODIFIED),
        ("*", HERE, True, Verdict.NOT_MODIFIED),
        ('"x"', HERE, True, Verdict.PROCEED),
        ("abc", HERE, True, Verdict.PROCEED),
        ("*", HERE, False, Verdict.MATCH),
        ("*", ABSENT, False, Verdict.PROCEED),
        ('"abc"', HERE, False, Verdict.MATCH),
    ],
)
def test_if_none_match(header: str, view: View, safe: bool, verdict: Verdict) -> None:
    assert evaluate(Conditions(if_none_match=header), view, safe=safe) is verdict


def test_if_match_is_judged_first() -> None:
    both = Conditions(if_match='"other"', if_none_match='"abc"')
    assert evaluate(both, HERE, safe=True) is Verdict.MISMATCH


def test_without_headers_everything_proceeds() -> None:
    assert evaluate(Conditions(), HERE, safe=False) is Verdict.PROCEED


@given(TAGS)
def test_a_written_list_is_read_back(tags: list[Tag]) -> None:
    assert list(parse_tags(written(tags))) == tags


@given(TAGS, OPAQUE)
def test_strong_comparison_needs_a_strong_tag_of_the_same_text(tags: list[Tag], etag: str) -> None:
    matches = evaluate(Conditions(if_match=written(tags)), View(True, etag), safe=False) is Verdict.PROCEED
    assert matches == any(tag.value == etag and not tag.weak for tag in tags)


@given(TAGS, OPAQUE)
def test_weak_comparison_needs_the_same_text_only(tags: list[Tag], etag: str) -> None:
    verdict = evaluate(Conditions(if_none_match=written(tags)), View(True, etag), safe=True)
    assert (verdict is Verdict.NOT_MODIFIED) == any(tag.value == etag for tag in tags)


@given(st.text(max_size=40))
def test_any_text_is_read_without_failing(header: str) -> None:
    parse_tags(header)
