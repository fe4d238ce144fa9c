"""Normalisers, and the way between trees and the API's bodies."""

from __future__ import annotations

import copy
import json
from base64 import b64decode
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.kind import Kind
from reconciler.core.normalise import NORMALISERS, normalise
from reconciler.core.rules import NO_RULE, rules_of
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret, Template, Unknown
from reconciler.core.wire import canonical, digest, live_digest, live_tree, request_body
from tests.support.kinds import GADGET, WIDGET, json_values

odd_texts = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"[a-zA-Z]{2,5}://([a-z]+@)?[A-Za-z.\[\]:0-9]{0,9}(:[0-9]{1,6})?/?[a-z?#/]{0,4}", fullmatch=True),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.dates().map(lambda day: f"{day}T00:00:00Z"),
)
schemas = st.recursive(
    json_values,
    lambda inner: st.dictionaries(
        st.sampled_from(["required", "type", "properties", "default", "enum", "items"]), inner
    ),
    max_leaves=8,
)


@pytest.mark.parametrize("name", sorted(NORMALISERS))
@given(value=st.one_of(json_values, odd_texts, schemas, st.floats()))
def test_normalising_twice_is_normalising_once(name: str, value: Any) -> None:
    before = copy.deepcopy(value)
    once = NORMALISERS[name](value)
    assert repr(NORMALISERS[name](once)) == repr(once)
    assert repr(value) == repr(before)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("url", "HTTPS://Example.COM:443/", "https://example.com"),
        ("url", "http://example.com:8080/Path?Q=1#F", "http://example.com:8080/Path?Q=1#F"),
        ("url", "http://User:Pw@HOST:80", "http://User:Pw@host"),
        ("url", "http://[::1]:80/", "http://[::1]"),
        ("url", "https://h/?q", "https://h/?q"),
        ("url", "http://h:99999/", "http://h:99999/"),
        ("url", "no url", "no url"),
        ("url", 3, 3),
        ("datetime", "2026-01-01T02:00:00+02:00", "2026-01-01T00:00:00Z"),
        ("datetime", "2026-01-01T02:00:00", "2026-01-01T02:00:00"),
        ("datetime", "0001-01-01T00:00:00+14:00", "0001-01-01T00:00:00+14:00"),
        ("datetime", "Tuesday", "Tuesday"),
        ("datetime", "not a date", "not a date"),
        ("date", "2026-01-01T00:00:00Z", "2026-01-01"),
        ("date", "2026-01-01T01:00:00+01:00", "2026-01-01"),
        ("date", "2026-01-01T00:00:01Z", "2026-01-01T00:00:01Z"),
        ("date", 5, 5),
        ("number", 1.0, 1),
        ("number", 1.5, 1.5),
        ("upper", "abc", "ABC"),
        ("upper", None, None),
        ("text", " x ", " x "),
        ("column", "string", {"type": "string", "nullable": True}),
        ("column", {"type": "date", "maxLength": None, "description": None}, {"type": "date", "nullable": True}),
        ("column", {"type": "date", "nullable": False}, {"type": "date", "nullable": False}),
        ("column", 3, 3),
        ("field", {"name": "a", "type": "string"}, {"name": "a", "type": "string", "nullable": True, "maxLength": 255}),
        ("field", {"name": "a", "type": "date", "maxLength": None}, {"name": "a", "type": "date", "nullable": True}),
        (
            "field",
            {"type": "string", "nullable": None, "maxLength": 9},
            {"type": "string", "nullable": True, "maxLength": 9},
        ),
        ("field", "x", "x"),
        (
            "json_schema",
            {"required": ["b", "a"], "type": ["string", "null"]},
            {"required": ["a", "b"], "type": ["null", "string"]},
        ),
        (
            "json_schema",
            {"properties": {"required": {"required": ["b", "a"]}}},
            {"properties": {"required": {"required": ["a", "b"]}}},
        ),
        ("json_schema", {"default": {"required": ["b", "a"]}}, {"default": {"required": ["b", "a"]}}),
        (
            "json_schema",
            {"properties": {"default": {"type": ["b", "a"]}}},
            {"properties": {"default": {"type": ["a", "b"]}}},
        ),
        (
            "json_schema",
            {"required": [1, "a"], "allOf": [{"required": ["b", "a"]}]},
            {"required": [1, "a"], "allOf": [{"required": ["a", "b"]}]},
        ),
    ],
)
def test_each_normaliser(name: str, value: Any, expected: Any) -> None:
    assert NORMALISERS[name](value) == expected
    assert type(NORMALISERS[name](value)) is type(expected)


def test_normalisers_reach_where_their_paths_lead() -> None:
    kind = Kind(
        "K",
        "resource",
        object,
        "",
        normalisers={"a": "upper", "b.c": "upper", "d.*": "upper", "e.*.f": "upper", "g.h": "upper"},
    )
    tree = {"a": "x", "b": {"c": "x", "z": "x"}, "d": {"k": "x"}, "e": [{"f": "x"}, 3], "g": "x", "b2": {}}
    assert normalise(kind, tree) == {
        "a": "X", "b": {"c": "X", "z": "x"}, "d": {"k": "X"}, "e": [{"f": "X"}, 3], "g": "x", "b2": {}
    }  # fmt: skip
    assert tree["a"] == "x"
    assert normalise(kind, {"b": {"z": 1}, "d": ["x"]}) == {"b": {"z": 1}, "d": ["X"]}


def test_a_live_body_as_a_tree() -> None:
    body = {
        "id": "1", "etag": "e", "lastModifiedBy": "x", "uses": 4, "name": "w", "codeSha256": "aa", "extra": [1],
        "home": "HTTP://A.example/", "credentials": {"user": "u", "token": "********", "unset": None},
        "vars": {"A": {"value": "********", "secret": True}, "B": "plain", "C": {"value": "open", "secret": False}},
    }  # fmt: skip
    before = copy.deepcopy(body)
    assert live_tree(WIDGET, body) == {
        "name": "w", "code": Bundle("aa"), "extra": [1], "home": "http://a.example",
        "credentials": {"user": "u", "token": MASKED, "unset": None}, "vars": {"A": MASKED, "B": "plain", "C": "open"},
    }  # fmt: skip
    assert body == before


def test_odd_live_bodies_are_read_as_they_are() -> None:
    assert live_tree(WIDGET, {"name": "w", "credentials": "none", "vars": None, "codeSha256": None}) == {
        "name": "w", "credentials": "none", "vars": None
    }  # fmt: skip


def test_a_secret_map_that_is_nested() -> None:
    kind = replace(WIDGET, secret_maps=(replace(WIDGET.secret_maps[0], path="auth.credentials"),))
    assert live_tree(kind, {"auth": {"credentials": {"x": "*"}}}) == {"auth": {"credentials": {"x": MASKED}}}
    assert live_tree(kind, {"auth": "odd"}) == {"auth": "odd"}


def body_of(kind: Kind, tree: dict[str, Any]) -> dict[str, Any]:
    return request_body(
        kind,
        tree,
        identify=lambda ref: f"<{ref.name}>",
        reveal=lambda secret: secret.reveal(),
        content=lambda b: b.sha256.encode(),
    )


def test_a_tree_as_a_request() -> None:
    tree = {
        "name": "w", "ref": Unknown("Widget", "a", "id"), "list": [Template(("x/", Unknown("Widget", "b", "id"))), None],
        "code": Bundle("aa"), "credentials": {"user": "u", "token": Secret("e", "t"), "kept": MASKED},
        "vars": {"A": Secret("e", "s"), "B": "plain", "C": MASKED, "D": None},
    }  # fmt: skip
    found = body_of(WIDGET, tree)
    assert b64decode(found.pop("code")) == b"aa"
    assert found == {
        "name": "w", "ref": "<a>", "list": ["x/<b>", None],
        "credentials": {"user": "u", "token": "t", "kept": "********"},
        "vars": {
            "A": {"value": "s", "secret": True}, "B": "plain", "C": {"value": "********", "secret": True}, "D": None
        },
    }  # fmt: skip
    assert isinstance(tree["credentials"], dict)
    assert tree["credentials"]["kept"] is MASKED


def test_maps_of_secrets_that_are_cleared_or_left_out() -> None:
    assert body_of(WIDGET, {"vars": None, "credentials": None}) == {"vars": None, "credentials": None}
    assert body_of(WIDGET, {"name": "w"}) == {"name": "w"}


def test_a_mask_that_stands_elsewhere_is_never_sent() -> None:
    with pytest.raises(ValueError, match="hidden"):
        body_of(GADGET, {"note": MASKED})


@given(json_values, st.randoms(use_true_random=False))
def test_the_canonical_spelling_knows_no_order(value: Any, random: Any) -> None:
    def mixed(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: mixed(part[name]) for name in random.sample(list(part), len(part))}
        return [mixed(item) for item in part] if isinstance(part, list) else part

    assert canonical(mixed(value)) == canonical(value)
    assert json.loads(canonical(value)) == value


def test_the_canonical_spelling() -> None:
    assert canonical({"b": 1.0, "a": ["é", True, None, (2.5,)]}) == '{"a":["é",true,null,[2.5]],"b":1}'.encode()
    assert canonical("\ud800") == b'"\xed\xa0\x80"'
    assert digest({"a": 1.0}) == digest({"a": 1})
    assert digest({"a": 1}) != digest({"a": True})


def test_the_live_digest_sees_fields_and_nothing_volatile() -> None:
    body = {"id": "1", "name": "w", "etag": "e", "uses": 1, "lastModifiedBy": "a", "lastModifiedTime": "t"}
    same = {**body, "etag": "f", "uses": 2, "lastModifiedBy": "b", "lastModifiedTime": "u"}
    assert live_digest(WIDGET, body) == live_digest(WIDGET, same)
    assert live_digest(WIDGET, body) != live_digest(WIDGET, {**body, "name": "v"})
    assert live_digest(WIDGET, body) != live_digest(WIDGET, {**body, "undeclared": 1})


def test_rules_know_wildcards_names_and_defaults() -> None:
    kind = Kind(
        "K",
        "resource",
        object,
        "",
        sets=frozenset({"a.*.s", "a.x.t"}),
        required=frozenset({"a.x"}),
        defaults={"o.p": 1, "o.q.r": 2, "n": None},
    )
    rules = rules_of(kind)
    assert rules is rules_of(kind)
    assert rules.child("a").child("any").child("s").unordered
    assert not rules.child("a").child("x").child("s").unordered
    assert rules.child("a").child("x").required
    assert rules.child("o").default == {"p": 1, "q": {"r": 2}}
    assert rules.child("nowhere").child("below") is NO_RULE
    assert rules.child("a").default is ABSENT


def test_rules_are_kept_for_a_bounded_number_of_kinds() -> None:
    kinds = [replace(WIDGET, name=f"K{index}") for index in range(300)]
    assert all(rules_of(kind).child("tags").unordered for kind in kinds)
    assert rules_of(WIDGET).child("parts").keyed == ("id", "name")


@given(json_values)
def test_the_canonical_spelling_has_no_whole_floats_at_any_depth(value: Any) -> None:
    def floated(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: floated(item) for name, item in part.items()}
        if isinstance(part, list):
            return [floated(item) for item in part]
        return float(part) if type(part) is int and abs(part) < 2**53 else part

    assert canonical(floated(value)) == canonical(value)
    assert canonical([{"x": [floated(value)]}]) == canonical([{"x": [value]}])


@pytest.mark.parametrize(
    ("one", "other"),
    [(1e16, 10**16), (-3e20, -3 * 10**20), ([1.5e17], [15 * 10**16]), ({"a": {"b": -0.0}}, {"a": {"b": 0}})],
)
def test_a_large_whole_float_is_its_integer(one: Any, other: Any) -> None:
    assert canonical(one) == canonical(other)


def test_a_text_that_looks_like_a_number_stays_as_it_is() -> None:
    assert canonical({"a": "x:1.0,", "b": [":2e5]"]}) == b'{"a":"x:1.0,","b":[":2e5]"]}'
