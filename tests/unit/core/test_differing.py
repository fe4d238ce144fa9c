"""Two statements side by side: what is there, gone, moved or other than it was, and what that touches."""

from __future__ import annotations

from typing import Any

from reconciler.core.difference import Difference, Side, difference_to_json, summary
from reconciler.core.differing import Stated, compare_plain, compare_sides, compare_trees, dependents, users_of
from reconciler.core.resource import Key
from reconciler.core.values import ABSENT, MASKED, Bundle, Secret
from reconciler.kinds import load_kinds

KINDS = load_kinds()
PEOPLE = Key("Dataset", "people")
COLUMNS = {"id": {"type": "string", "nullable": False}, "age": {"type": "number", "nullable": True}}


def stated(key: Key, moved_from: Key | None = None, **fields: Any) -> Stated:
    return Stated(key, {"name": key.name, **fields}, moved_from=moved_from)


def sides(*items: Stated) -> dict[Key, Stated]:
    return {item.key: item for item in items}


def test_added_removed_changed_and_alike() -> None:
    alike = stated(Key("Dataset", "same")), stated(Key("Dataset", "same too"))
    before = sides(stated(PEOPLE, description="a"), stated(Key("Dataset", "old")), *alike)
    after = sides(*alike, stated(Key("Dataset", "new")), stated(PEOPLE, description="b"))
    items, unchanged = compare_sides(KINDS, before, after)
    assert [(str(item.key), item.status) for item in items] == [
        ("Dataset/new", "added"),
        ("Dataset/old", "removed"),
        ("Dataset/people", "changed"),
    ]
    assert unchanged == 2
    (field,) = items[2].fields
    assert (field.label, field.live, field.desired) == ("description", "a", "b")
    assert items[1].fields[0].desired is ABSENT
    assert items[0].fields[0].live is ABSENT


def test_what_moved_is_not_removed() -> None:
    old = Key("Dataset", "staff")
    items, unchanged = compare_sides(
        KINDS, sides(stated(old, description="a")), sides(stated(PEOPLE, old, description="a"))
    )
    (item,) = items
    assert (item.status, item.moved_from, [field.label for field in item.fields]) == ("moved", old, ["name"])
    assert unchanged == 0


def test_a_move_of_long_ago_is_no_difference() -> None:
    item = stated(PEOPLE, Key("Dataset", "staff"), description="a")
    assert compare_sides(KINDS, sides(item), sides(item)) == ((), 1)
    assert compare_sides(KINDS, {}, sides(item))[0][0].status == "added"


def test_items_of_keyed_lists_are_told_apart_by_their_key() -> None:
    kind = KINDS["DataExtension"]
    field = {"name": "a", "type": "string", "nullable": True, "maxLength": 10}
    other = {"name": "b", "type": "number", "nullable": True}
    found = compare_trees(
        kind, {"fields": [field, other]}, {"fields": [{**other, "nullable": False}, {**field, "maxLength": 20}]}
    )
    assert [(item.label, item.live, item.desired) for item in found] == [
        ("fields[a].maxLength", 10, 20),
        ("fields[b].nullable", True, False),
    ]
    assert compare_trees(kind, {"fields": [field, other]}, {"fields": [other, field]}) == ()


def test_a_declared_null_differs_from_nothing_only_between_declarations() -> None:
    kind = KINDS["Dataset"]
    assert len(compare_trees(kind, {}, {"description": None})) == 1
    assert compare_trees(kind, {}, {"description": None}, exact=False) == ()


def test_true_is_not_one_and_secrets_are_their_references() -> None:
    assert len(compare_plain({"a": True}, {"a": 1})) == 1
    assert compare_plain({"a": Secret("env:A")}, {"a": Secret("env:A")}) == ()
    assert len(compare_plain({"a": Secret("env:A")}, {"a": Secret("env:B")})) == 1
    assert compare_plain({"a": MASKED}, {"a": MASKED}) == ()


def test_schema_effects_and_files() -> None:
    before = sides(stated(PEOPLE, columns=COLUMNS, primaryKey="id"))
    after = sides(stated(PEOPLE, columns={"id": COLUMNS["id"], "new": {"type": "string"}}, primaryKey="id"))
    (item,), _ = compare_sides(KINDS, before, after)
    assert [(effect.effect, effect.column) for effect in item.effects] == [("breaking", "age"), ("compatible", "new")]
    assert item.breaking
    action = Key("DataAction", "x")
    one, two = Bundle("1" * 64, {"index.js": "a", "gone.js": "b"}), Bundle("2" * 64, {"index.js": "c"})
    (item,), _ = compare_sides(KINDS, sides(stated(action, code=one)), sides(stated(action, code=two)))
    assert item.bundle_files == (("gone.js", "removed"), ("index.js", "changed"))
    same = Bundle("3" * 64, dict(one.files))
    assert compare_sides(KINDS, sides(stated(action, code=one)), sides(stated(action, code=same))) == ((), 1)


def test_what_a_change_touches() -> None:
    mapping, job, stream = Key("FieldMapping", "m"), Key("Ingestion", "j"), Key("EventStream", "s")
    edges = {mapping: (PEOPLE,), job: (mapping,), stream: ()}
    before, after = sides(stated(PEOPLE, description="a")), sides(stated(PEOPLE, description="b"))
    (item,), _ = compare_sides(KINDS, before, after, edges=(edges, {}))
    assert (item.touches, item.touches_more) == ((mapping, job), False)
    (item,), _ = compare_sides(KINDS, before, {}, edges=({}, edges))
    assert item.touches == (mapping, job)


def test_dependents_stop_where_they_are_told_to_and_in_circles() -> None:
    chain = {Key("Dataset", str(n)): (Key("Dataset", str(n - 1)),) for n in range(10)}
    users = users_of((chain,))
    found, more = dependents((Key("Dataset", "0"),), users)
    assert (len(found), more) == (10, False)
    found, more = dependents((Key("Dataset", "0"),), users, most=3)
    assert (len(found), more) == (4, True)
    circle = users_of(({PEOPLE: (PEOPLE,)},))
    assert dependents((PEOPLE,), circle) == ({PEOPLE}, False)


def test_summary_and_json() -> None:
    before, after = (
        sides(stated(PEOPLE, description="a")),
        sides(stated(Key("Dataset", "new"), password=Secret("env:X"))),
    )
    items, unchanged = compare_sides(KINDS, before, after)
    found = Difference(
        Side("main", "ab" * 20),
        Side("work tree"),
        "prod",
        items,
        compare_plain({"prune": False}, {"prune": True}),
        unchanged,
        (Key("Connector", "c"),),
    )
    assert summary(found) == "1 added, 0 changed, 1 removed, 1 setting of the project, 1 not compared"
    assert found.differs
    assert not Difference(Side("a"), Side("b")).differs
    data = difference_to_json(found)
    assert data["items"][0]["fields"][1]["after"] == {"@reconciler": {"secret": "env:X", "fingerprint": ""}}
    assert data["items"][1]["fields"][0]["after"] == {"@reconciler": {"absent": True}}
