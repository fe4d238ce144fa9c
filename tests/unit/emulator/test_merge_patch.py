"""Merge patch: the table of RFC 7396 appendix A, and what holds for any two documents."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.merge_patch import MAX_DEPTH, TooDeepError, merge_patch
from tests.support.rfc7396 import APPENDIX_A

SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcd"), inner, max_size=3),
    max_leaves=12,
)


def without_nulls(value: Any) -> Any:
    """Drop members that are null, in objects only: what a patch leaves of itself on an empty target."""
    if isinstance(value, dict):
        return {key: without_nulls(member) for key, member in value.items() if member is not None}
    return value


def difference(before: Any, after: Any) -> Any:
    """Give the patch from one document without nulls to another; an independent definition of what a patch says."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return after
    patch = {key: None for key in before if key not in after}
    for key, value in after.items():
        if key not in before or before[key] != value or type(before[key]) is not type(value):
            patch[key] = difference(before.get(key), value)
    return patch


@pytest.mark.parametrize(("target", "patch", "result"), APPENDIX_A)
def test_appendix_a(target: Any, patch: Any, result: Any) -> None:
    assert merge_patch(target, patch) == result


@given(JSON, JSON)
def test_arguments_stay_as_they_are(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    merge_patch(target, patch)
    assert (target, patch) == before


@given(JSON, JSON)
def test_applying_twice_is_applying_once(target: Any, patch: Any) -> None:
    once = merge_patch(target, patch)
    assert merge_patch(once, patch) == once


@given(JSON)
def test_on_nothing_only_nulls_of_objects_are_lost(patch: Any) -> None:
    assert merge_patch(None, patch) == without_nulls(patch)


@given(st.dictionaries(st.sampled_from("abcd"), JSON), st.dictionaries(st.sampled_from("abcd"), JSON))
def test_a_difference_leads_from_one_to_the_other(before: Any, after: Any) -> None:
    clean = without_nulls(after)
    assert merge_patch(without_nulls(before), difference(without_nulls(before), clean)) == clean


@given(st.dictionaries(st.sampled_from("abcd"), JSON), st.dictionaries(st.sampled_from("abcd"), JSON))
def test_members_that_a_patch_does_not_name_stay(target: Any, patch: Any) -> None:
    merged = merge_patch(target, patch)
    assert {key: merged[key] for key in target if key not in patch} == {
        key: value for key, value in target.items() if key not in patch
    }


def test_nesting_is_bounded() -> None:
    patch: Any = 1
    for _ in range(MAX_DEPTH):
        patch = {"a": patch}
    assert merge_patch({}, patch) == patch
    with pytest.raises(TooDeepError):
        merge_patch({}, {"a": patch})
