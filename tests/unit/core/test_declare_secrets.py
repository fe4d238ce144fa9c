"""From live to declared, where values are secret or name other resources."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.declare import (
    CODE_NOTE,
    MAX_DEPTH,
    SECRETS_NOTE,
    Declared,
    Directory,
    Placeholder,
    declare,
    mentions_named,
)
from reconciler.core.kind import Kind, SecretMap
from reconciler.core.resource import Key, Observed
from tests.support.kinds import GADGET, THING, WIDGET

W, V, G = Key("Widget", "w"), Key("Widget", "v"), Key("Gadget", "g")
FIRST, SECOND = "11111111-aaaa", "22222222-bbbb"
KNOWN = Directory.of({("Widget", FIRST): W, ("Gadget", SECOND): G}, {})
NESTED = replace(WIDGET, bundle=None, secret_maps=(SecretMap("access.deep.keys", frozenset({"user"})),))
MAPPED = replace(WIDGET, bundle=None, secret_maps=(SecretMap("vars", None),))


def declared(kind: Kind, body: dict[str, Any], *, refused: tuple[Key, ...] = ()) -> Declared:
    asked: list[tuple[Key, Key]] = []

    def allowed(of: Key, to: Key) -> bool:
        asked.append((of, to))
        return to not in refused

    out = declare(kind, V, Observed("Widget", "id-v", {"name": "v", **body}), KNOWN, lambda path: f"<{path}>", allowed)
    assert all(of == V for of, _ in asked)
    return out


def test_a_secret_becomes_a_placeholder_and_what_is_readable_stays() -> None:
    out = declared(NESTED, {"access": {"deep": {"keys": {"user": "ann", "token": "********", "unset": None}}}})
    assert out.spec == {
        "access": {"deep": {"keys": {"user": "ann", "token": "${secret:env:<access.deep.keys.token>}"}}}
    }
    assert out.secrets == [Placeholder("<access.deep.keys.token>", V, "access.deep.keys.token")]
    assert out.notes == {"access": {"deep": {"keys": SECRETS_NOTE}}}


def test_no_note_where_nothing_is_hidden() -> None:
    out = declared(NESTED, {"access": {"deep": {"keys": {"user": "ann"}}}})
    assert out.secrets == []
    assert SECRETS_NOTE not in repr(out.notes)


def test_what_is_no_map_where_secrets_were_stays_as_it_is() -> None:
    for body in ({"access": "none"}, {"access": {"deep": 1}}, {"access": {"deep": {"keys": "none"}}}, {}):
        assert declared(NESTED, body).spec == body


def test_every_id_in_a_text_is_named_once_among_what_it_mentions() -> None:
    text = f"a {FIRST} b {SECOND} c {FIRST} d"
    out = declared(MAPPED, {"vars": {"A": text, "B": 7, "C": "plain"}})
    assert out.spec["vars"] == {
        "A": "a ${ref:Widget/w.id} b ${ref:Gadget/g.id} c ${ref:Widget/w.id} d",
        "B": 7,
        "C": "plain",
    }
    assert out.mentions == [W, G]
    assert out.literal_ids == []
    assert mentions_named(text, KNOWN) == out.spec["vars"]["A"]
    assert mentions_named("${a} none", KNOWN) == "${a} none"


def test_an_id_that_would_close_a_circle_stays_and_is_told() -> None:
    out = declared(MAPPED, {"vars": {"A": FIRST, "B": SECOND}}, refused=(W,))
    assert out.spec["vars"] == {"A": FIRST, "B": "${ref:Gadget/g.id}"}
    assert (out.mentions, out.literal_ids) == ([G], ["vars.A"])


def test_what_looks_like_an_expression_is_kept_from_being_one() -> None:
    out = declared(
        MAPPED, {"description": "${a} and ${b}", "vars": {"A": "${x}"}, "size": 2.0, "deep": [{"x": "${y}"}, 0.5]}
    )
    assert out.spec["description"] == "$${a} and $${b}"
    assert out.spec["vars"] == {"A": "$${x}"}
    assert out.spec["deep"] == [{"x": "$${y}"}, 0.5]
    assert type(out.spec["size"]) is int


@pytest.mark.parametrize(
    ("live", "kind"),
    [(2.0**62, int), (-(2.0**62), int), (2.0**63, float), (-(2.0**63), float), (0.5, float), (-2.0, int)],
)
def test_whole_numbers_are_whole_where_they_fit_64_bits(live: float, kind: type) -> None:
    found = declared(MAPPED, {"deep": {"x": [live]}}).spec["deep"]["x"][0]
    assert (found, type(found)) == (live, kind)


@pytest.mark.parametrize("nest", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_what_is_nested_too_deep_cannot_be_declared(nest: Callable[[Any], Any]) -> None:
    deepest: Any = "leaf"
    for _ in range(MAX_DEPTH + 1):
        deepest = nest(deepest)
    assert declared(MAPPED, {"deep": deepest}).spec["deep"] == deepest
    assert declared(MAPPED, {"deep": nest(deepest)}).problems == ["it is nested deeper than a manifest may be"]


def test_a_name_is_said_only_where_the_key_does_not_say_it() -> None:
    assert "name" not in declared(MAPPED, {}).spec
    assert declared(MAPPED, {"name": "V"}).spec["name"] == "V"
    out = declared(MAPPED, {"description": "d"})
    assert (out.key, out.live.id, out.spec) == (V, "id-v", {"description": "d"})


def test_references_and_code_and_why_something_cannot_be_declared() -> None:
    def gadget(body: dict[str, Any], directory: Directory) -> Declared:
        live = Observed("Gadget", "id", {"name": "other", **body})
        return declare(GADGET, G, live, directory, str.upper, lambda *_: True)

    known = Directory({("Widget", "1"): W}, code={"ab": "code/x"})
    out = gadget({"widgetId": 1, "codeSha256": "ab"}, known)
    assert (out.spec, out.links, out.problems) == (
        {"widgetRef": "w", "name": "other", "code": {"path": "code/x"}},
        [W],
        [],
    )
    assert (out.pinned, out.notes) == (False, {})
    out = gadget({"widgetId": "9", "codeSha256": "cd"}, known)
    assert out.problems == ["its widgetId is 9, which is no Widget that can be declared"]
    assert (out.spec["code"], out.pinned, out.notes["code"]) == ({"sha256": "cd"}, True, CODE_NOTE)
    assert gadget({}, known).problems == ["the API says nothing of its code, not even a digest"]


def test_every_reference_is_named_or_told() -> None:
    def gadget(**body: str) -> Declared:
        live = Observed("Gadget", "id", {"name": "g", **body})
        return declare(THING, G, live, KNOWN, str.upper, lambda *_: True)

    assert gadget(secondId=FIRST).spec == {"secondRef": "w"}
    assert gadget(firstId=SECOND).links == [G]
    assert gadget(firstId="9", secondId=FIRST).problems == [
        "its firstId is 9, which is no Widget or Gadget that can be declared"
    ]


def test_a_directory_knows_what_it_is_given() -> None:
    keys = {("Widget", FIRST): W, ("Gadget", FIRST): G, ("Widget", SECOND): V, ("Widget", "short"): W}
    known = Directory.of(keys, {"ab": "code/x"})
    assert (known.keys, known.ids, known.code) == (keys, {SECOND: V}, {"ab": "code/x"})
    assert known.nameless == {FIRST}


def test_an_id_of_something_that_has_no_manifest_stays_and_is_told() -> None:
    known = Directory.of({("Widget", FIRST): W}, {}, [FIRST, SECOND, "short"])
    assert known.nameless == {SECOND}
    body = {"name": "w", "vars": {"A": f"to {SECOND}", "B": "short", "C": "somebody-elses"}}
    out = declare(MAPPED, W, Observed("Widget", "id", body), known, str.upper, lambda *_: True)
    assert out.spec["vars"] == body["vars"]
    assert out.literal_ids == ["vars.A"]


def test_an_id_that_two_kinds_have_stays_and_is_told() -> None:
    shared = Directory.of({("Widget", FIRST): W, ("Gadget", FIRST): G, ("Widget", SECOND): V}, {})
    body = {"name": "w", "vars": {"A": f"to {FIRST} and {SECOND}", "B": SECOND, "C": "nobody"}}
    out = declare(MAPPED, W, Observed("Widget", "id", body), shared, str.upper, lambda *_: True)
    assert out.spec["vars"] == {"A": f"to {FIRST} and ${{ref:{V}.id}}", "B": f"${{ref:{V}.id}}", "C": "nobody"}
    assert out.literal_ids == ["vars.A"]
