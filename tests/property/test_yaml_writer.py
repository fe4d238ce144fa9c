"""What is written as YAML is read back as it was, and is in the canonical layout already."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from reconciler.loading.format import format_text
from reconciler.loading.yaml import parse_text
from reconciler.loading.yaml_writer import write_document

_MISTAKABLE = [
    *("yes", "NO", "On", "null", "~", "", " ", "1", "1.0", "1_000", "0x1f", "0o7", "1e3", ".5", "+1", "-", "- a", "?", ".inf"),
    *("2024-01-01", "12:30:45", "1.4.0", "---", "...", "<<", "=", "a: b", "a #b", "a:", "#a", "&a", "*a", "!a", "|", ">", "%a", "@a", "`a"),
    *("${ref:A/b.id}", "$${x}", "${", "[a]", "{a: b}", "a, b", "é", "😀", "x" * 200, "x " * 100, "\ufeffa", "a\x85b", "a\u2028b", "\x7f"),
    *("a\n", "a\n\n", "\na", "a\n b\n", " a\nb", "a\nb \nc", "a\n\nb", "a\r\nb", "a\n---\nb", "a\tb", "a\n\tb", "\n", "\n\n", "a\n#b\n"),
]  # fmt: skip
_TEXTS = st.one_of(
    st.sampled_from(_MISTAKABLE),
    st.text(alphabet=st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40),
    st.text(alphabet="ab :#-'\"\n\t{}[]$,&*!|>%@`~\u2028\x85\ufeff", max_size=12),
)
_LEAVES = st.one_of(
    _TEXTS,
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
_TREES = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(_TEXTS, inner, max_size=4)),
    max_leaves=20,
)
_SPECS = st.dictionaries(_TEXTS, _TREES, min_size=1, max_size=4)


def _manifest(spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "cxone.reconciler/v1", "kind": "Dataset", "metadata": {"name": "a"}, "spec": spec}


@given(_SPECS)
def test_it_is_read_back_as_it_was_and_fmt_leaves_it(spec: dict[str, Any]) -> None:
    tree = _manifest(spec)
    text = write_document(tree)
    documents, diagnostics = parse_text(text, "a.yaml")
    assert not diagnostics
    assert [repr(document.value) for document in documents] == [repr(tree)]
    assert format_text(text, "a.yaml") == text


@given(st.lists(_SPECS, min_size=1, max_size=3))
def test_several_documents_with_comments(specs: list[dict[str, Any]]) -> None:
    trees = [_manifest(spec) for spec in specs]
    notes = {"spec": {"": "what is in it", **dict.fromkeys(specs[0], "first line\n\nsecond line")}}
    text = "---\n".join(write_document(tree, notes) for tree in trees)
    documents, diagnostics = parse_text(text, "a.yaml")
    assert not diagnostics
    assert [repr(document.value) for document in documents] == [repr(tree) for tree in trees]
    assert format_text(text, "a.yaml") == text
    assert text.count("# first line") >= 1
