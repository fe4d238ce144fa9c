"""Merge patch is RFC 7396: its appendix A, and what follows from its section 2."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given

from reconciler.core.mergepatch import apply_patch
from tests.support.kinds import json_values
from tests.support.rfc7396 import APPENDIX_A


@pytest.mark.parametrize(("original", "patch", "result"), APPENDIX_A)
def test_appendix_a(original: Any, patch: Any, result: Any) -> None:
    assert apply_patch(original, patch) == result


@given(json_values, json_values)
def test_applying_twice_is_applying_once_and_arguments_stay(target: Any, patch: Any) -> None:
    before = copy.deepcopy((target, patch))
    once = apply_patch(target, patch)
    assert apply_patch(once, patch) == once
    assert (target, patch) == before


@given(json_values)
def test_an_empty_patch_changes_no_object(target: Any) -> None:
    assert apply_patch(target, {}) == (target if isinstance(target, dict) else {})


@given(json_values, json_values)
def test_an_object_patch_only_touches_what_it_names(target: Any, patch: Any) -> None:
    if isinstance(target, dict) and isinstance(patch, dict):
        result = apply_patch(target, patch)
        assert {name: result[name] for name in target if name not in patch} == {
            name: value for name, value in target.items() if name not in patch
        }
        assert all((name not in result) == (value is None) for name, value in patch.items())
