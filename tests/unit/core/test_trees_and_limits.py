"""How deep a ledger's entry may be, where secrets stand, and what keeps them in."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.codec import decode_tree, encode_tree, entry_from_json, entry_to_json, ledger_from_json
from reconciler.core.diagnostic import dotted
from reconciler.core.resource import Entry, Key
from reconciler.core.seal import fingerprint_of, secrets_in
from reconciler.core.values import Bundle, Secret

K = Key("Widget", "w")
ENTRY = {"id": "1", "fields": {}, "dependencies": [], "protect": False, "retain": False}


@pytest.mark.parametrize("nest", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_an_entry_that_is_nested_too_deep_is_told(nest: Callable[[Any], Any]) -> None:
    deep: Any = 1
    for _ in range(300):
        deep = nest(deep)
    with pytest.raises(ValueError, match="maps and lists are nested more than 200 deep"):
        entry_from_json(K, {**ENTRY, "fields": {"wide": [[], {}, 1], "deep": deep}})


def test_a_number_that_is_too_large_for_the_spelling_is_read_all_the_same() -> None:
    entry = entry_from_json(
        K, {**ENTRY, "fields": {"n": 2**70, "s": {"@reconciler": {"secret": "env:A", "fingerprint": "f"}}}}
    )
    assert entry.fields == {"n": 2**70, "s": Secret("env:A", fingerprint="f")}


def test_such_a_number_may_stand_deep_in_an_entry() -> None:
    deep: Any = 2**70
    for _ in range(150):
        deep = {"a": deep}
    assert entry_from_json(K, {**ENTRY, "fields": {"deep": deep}}).fields == {"deep": deep}


@pytest.mark.parametrize(
    ("spoilt", "says"),
    [({"id": 1, "fields": None}, "the entry Widget/w is not one that this tool wrote"), ({}, "Widget/w")],
)
def test_what_is_no_entry_is_told_by_its_key(spoilt: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        entry_from_json(K, spoilt)


@pytest.mark.parametrize("data", [{}, {"entries": []}, {"entries": {}, "salt": "00"}, {"entries": {}, "salt": None}])
def test_what_is_no_ledger_is_told(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"^not a ledger that this tool wrote$"):
        ledger_from_json(data)


def test_all_secrets_of_a_tree_are_found_in_order() -> None:
    one, two, three = (Secret(f"env:{name}", fingerprint=name) for name in "ABC")
    tree = {"a": one, "b": [1, [two], {"c": {"d": three}}], "text": "env:D"}
    assert list(secrets_in(tree)) == [one, two, three]
    assert list(secrets_in(two)) == [two]
    assert list(secrets_in("text")) == []
    assert [fingerprint_of(found) for found in secrets_in(tree)] == ["A", "B", "C"]


def test_bundles_are_told_apart_by_their_digests_in_sets_too() -> None:
    assert hash(Bundle("aa", {"f": "1"})) == hash(Bundle("aa"))
    assert len({hash(Bundle(digest)) for digest in ("aa", "bb", "cc")}) == 3


def test_quotes_and_backslashes_in_a_path_are_escaped() -> None:
    assert dotted(("a", 'x\\y"z')) == 'a["x\\\\y\\"z"]'


def test_all_of_a_bundle_reads_back_and_not_its_digest_alone() -> None:
    bundle = Bundle("aa", {"b": "2", "a": "1"}, "code/x", ("*.md",), 9)
    back = decode_tree(json.loads(json.dumps(encode_tree({"code": bundle}))))["code"]
    assert (back.sha256, dict(back.files), back.path, back.exclude, back.size) == (
        "aa",
        {"a": "1", "b": "2"},
        "code/x",
        ("*.md",),
        9,
    )


def test_an_entry_says_its_etag_where_it_has_one() -> None:
    seen = Entry(K, "1", {"size": 1}, (Key("Widget", "v"),), retain=True, etag="e1")
    assert entry_to_json(seen) == {
        "id": "1",
        "fields": {"size": 1},
        "dependencies": ["Widget/v"],
        "protect": False,
        "retain": True,
        "etag": "e1",
    }
    assert entry_from_json(K, entry_to_json(seen)) == seen
    unseen = replace(seen, etag="")
    assert "etag" not in entry_to_json(unseen)
    assert entry_from_json(K, entry_to_json(unseen)) == unseen
