"""Trees and ledgers as JSON and back."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.codec import (
    MARKER,
    decode_tree,
    encode_tree,
    entry_from_json,
    entry_to_json,
    ledger_from_json,
    ledger_head_to_json,
)
from reconciler.core.resource import Entry, Key, Ledger
from reconciler.core.values import MASKED, Bundle, Secret, Template, Unknown

K, L = Key("Widget", "w"), Key("Widget", "v")
SECRET = Secret("env:A", fingerprint="fp")
texts = st.text(max_size=5)
typed = st.one_of(
    st.builds(lambda text, mark: Secret(text, fingerprint=mark), texts, texts),
    st.builds(Unknown, texts, texts, texts),
    st.builds(lambda text, ref: Template((text, ref)), texts, st.builds(Unknown, texts, texts, texts)),
    st.builds(Bundle, texts, st.dictionaries(texts, texts, max_size=2), texts, st.tuples(texts), st.integers(0, 9)),
    st.just(MASKED),
)
keys = st.one_of(texts, st.sampled_from([MARKER, "secret", "literal", "absent"]))
trees = st.dictionaries(
    keys,
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), texts, typed),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
        max_leaves=8,
    ),
    max_size=4,
)


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


@given(trees)
def test_every_tree_reads_back(tree: dict[str, Any]) -> None:
    back = decode_tree(through_json(encode_tree(tree)))
    assert back == tree
    assert json.dumps(encode_tree(back), sort_keys=True) == json.dumps(encode_tree(tree), sort_keys=True)


def test_a_secrets_value_is_never_written() -> None:
    assert encode_tree({"a": Secret("env:A", "canary", "fp")}) == {
        "a": {MARKER: {"secret": "env:A", "fingerprint": "fp"}}
    }


@pytest.mark.parametrize(
    "marked",
    [
        {MARKER: {"new": 1}},
        {MARKER: {"secret": "x"}},
        {MARKER: "secret"},
        {MARKER: {"ref": ["K"]}},
        {MARKER: {"literal": 3}},
        {MARKER: {"bundle": "aa"}},
        {MARKER: {"masked": True}, "beside": 1},
    ],
)
def test_what_this_version_did_not_write_is_refused(marked: Any) -> None:
    with pytest.raises(ValueError):
        decode_tree({"a": [marked]})


def whole(ledger: Ledger) -> dict[str, Any]:
    entries = {str(key): entry_to_json(entry) for key, entry in ledger.entries.items()}
    return {**ledger_head_to_json(ledger), "entries": entries}


def test_a_ledger_reads_back() -> None:
    entry = Entry(
        K, "id", {"name": "w", "s": SECRET, "c": Bundle("aa", {"f": "1"}, "p")}, (L,), protect=True, retain=True
    )
    ledger = Ledger("s", "t", {K: entry, L: Entry(L, "2", {})}, 7, "00ff", audit_head="h")
    data = through_json(whole(ledger))
    assert ledger_from_json(data) == ledger


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.pop("salt"),
        lambda data: data.update(entries=[]),
        lambda data: data.update(serial="x"),
        lambda data: data["entries"].update({"nonsense": data["entries"]["Widget/w"]}),
        lambda data: data["entries"]["Widget/w"].pop("id"),
        lambda data: data["entries"]["Widget/w"].update(fields=[]),
        lambda data: data["entries"]["Widget/w"].update(dependencies=["x"]),
        lambda data: data["entries"]["Widget/w"].update(dependencies=""),
        lambda data: data["entries"]["Widget/w"].update(id=None),
        lambda data: data["entries"]["Widget/w"].update(id=7),
        lambda data: data["entries"]["Widget/w"].update(protect=None),
        lambda data: data["entries"]["Widget/w"].update(retain="false"),
        lambda data: data["entries"]["Widget/w"].update(etag=5),
        lambda data: data.update(serial=1.5),
        lambda data: data.update(serial=True),
        lambda data: data.update(stack=None),
        lambda data: data.update(target=["t"]),
        lambda data: data.update(salt="zz"),
        lambda data: data.update(audit_head=0),
    ],
)
def test_a_damaged_ledger_is_refused(damage: Callable[[Any], object]) -> None:
    data = through_json(whole(Ledger("s", "t", {K: Entry(K, "id", {})})))
    damage(data)
    with pytest.raises(ValueError):
        ledger_from_json(data)


def test_an_entry_that_is_no_object_is_refused() -> None:
    with pytest.raises(ValueError, match="Widget/w"):
        entry_from_json(K, [])  # type: ignore[arg-type]
