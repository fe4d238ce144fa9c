"""Formatting never changes a value, never loses a comment, and is done after the first time."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.errors import InvalidManifests
from reconciler.loading.format import format_text
from reconciler.loading.yaml import parse_text
from tests.support.yaml_texts import yaml_texts

TEXTS = yaml_texts()


def values(text):
    documents, diagnostics = parse_text(text, "f.yaml")
    assume(not diagnostics)
    return [(item.index, repr(sorted_deep(item.value))) for item in documents]


def sorted_deep(value):
    if isinstance(value, dict):
        return {key: sorted_deep(value[key]) for key in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value


def words(text):
    return sorted(re.findall(r"(?:note|word|key|k)[0-9]+x", text))


@given(TEXTS)
def test_values_and_comments_stay_and_the_second_time_changes_nothing(text):
    before = values(text)
    result = format_text(text, "f.yaml")
    assert values(result) == before
    assert words(result) == words(text)
    assert format_text(result, "f.yaml") == result


@given(TEXTS)
def test_layout(text):
    values(text)
    result = format_text(text, "f.yaml")
    assert "\r" not in result
    assert not result.startswith("\n")
    assert result == "" or result.endswith("\n")
    outside = re.sub(r'"[^"]*"', "", result)
    assert not re.search(r"^ +- *\t", outside, re.MULTILINE)


@given(TEXTS, st.data())
def test_damaged_texts_are_formatted_or_refused(text, data):
    place = data.draw(st.integers(0, len(text)))
    insert = data.draw(
        st.sampled_from(["", "\t", ":", "- ", "#", " #", "&a ", "*a", "[", "}", '"', "|", "\n", "---\n", "? ", "%"])
    )
    damaged = text[:place] + insert + text[place + data.draw(st.integers(0, 2)) :]
    try:
        result = format_text(damaged, "f.yaml")
    except InvalidManifests:
        return
    assert values(result) == values(damaged)
    assert format_text(result, "f.yaml") == result


@pytest.mark.parametrize("keys", [["spec", "kind", "metadata", "apiVersion"], ["x", "metadata", "kind", "apiVersion"]])
def test_order_is_of_manifests_only(keys):
    text = "".join(f"{key}: 1\n" for key in keys)
    order = ("apiVersion", "kind", "metadata", "spec")
    expected = sorted(keys, key=lambda key: order.index(key) if key in order else len(order))
    assert re.findall(r"^\w+", format_text(text, "f"), re.MULTILINE) == expected
    without = "".join(f"{key}: 1\n" for key in keys if key != "kind")
    assert format_text(without, "f") == without
