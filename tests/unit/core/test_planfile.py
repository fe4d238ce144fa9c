"""Plans as JSON and back, what is no plan, and what the two digests cover."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any

import pytest

from reconciler.core.codec import MARKER
from reconciler.core.compare import FieldChange, all_new
from reconciler.core.diagnostic import Mark
from reconciler.core.plan import Change, Cost, Header, Orphan, Plan, Problem, Step, summary
from reconciler.core.plandigest import change_digest, plan_digest
from reconciler.core.planfile import plan_from_json, plan_from_record, plan_to_json, plan_to_record
from reconciler.core.resource import Entry, Key, Pin
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import ABSENT, MASKED, Secret, Template, Unknown

K, L = Key("Widget", "w"), Key("Widget", "v")
SECRET = Secret("env:A", fingerprint="fp")


def through_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def rich() -> Plan:
    """A plan in which everything is set."""
    first = Change(
        K,
        "update",
        "live",
        "id-1",
        Pin("etag", "e1", "d1"),
        (Step("update", {"size": 2, "secret": SECRET, "description": None}), Step("move", {"status": "ACTIVE"})),
        (
            FieldChange(("size",), "both", 1, 2, 3),
            FieldChange(("parts", "p", "x"), "ours", ABSENT, {MARKER: {"absent": True}}, ABSENT, keyed=1),
            FieldChange(("secret",), "ours", SECRET, SECRET, MASKED, "rotated"),
            FieldChange(("gone",), "unset", Unknown("W", "a", "id"), ABSENT, Template(("x", Unknown("W", "a", "id")))),
        ),
        (("credentials", "token"),),
        Entry(K, "id-1", {"size": 2, "secret": SECRET}, (L,), protect=True),
        (L,),
        "moved from Widget/u",
        Key("Widget", "u"),
        Mark("a:b.yaml", 1, 2),
        {"size": Mark("a.yaml", 3, 4)},
        ("ann", "2026-01-01T00:00:00Z"),
        (SchemaEffect("breaking", "c", "m"),),
        (L,),
        (("index.js", "changed"),),
    )
    second = Change(
        L,
        "create",
        "v",
        steps=(Step("create", {"name": "v"}),),
        fields=(FieldChange(("name",), "ours", ABSENT, "v", ABSENT),),
    )
    return Plan(
        Header("t", "u", "s", "c", "e", "g", "m", "0.1"),
        (second, first),
        (Orphan(Key("Widget", "o"), "o", "id-o", "prune is off"),),
        (Problem("G010", "m", "f", K, "a"), Problem("G006", "m")),
        ("warning",),
        5,
        {"Widget": 3},
        True,
        9,
        Cost(7, 1.5),
    )


def test_a_plan_reads_back_whole() -> None:
    plan = rich()
    data = through_json(plan_to_json(plan))
    assert plan_from_json(data) == plan
    assert data["planDigest"] == plan_digest(data)
    assert data["changeDigest"] == change_digest(plan)
    assert data["summary"] == summary(plan) == "1 to create, 1 to update, 0 to delete, 1 drifted"
    assert data["drift"] == ["Widget/w"]


def test_a_plan_in_a_journal_reads_back_whole_though_it_says_the_fields_of_a_create_once() -> None:
    fields = {"name": "v", "secret": SECRET, "of": Unknown("W", "a", "id")}
    created = Change(
        L,
        "create",
        "v",
        steps=(Step("create", fields),),
        fields=all_new(fields),
        entry=Entry(L, "", fields),
        marks={"of": Mark("a:b.yaml", 2, 3)},
    )
    plan = replace(rich(), changes=(*rich().changes, created))
    data = through_json(plan_to_record(plan))
    assert plan_from_record(data) == plan
    with pytest.raises(ValueError, match="another form"):
        plan_from_json(data)  # what is reviewed says all of it
    assert [change["fields"] is None for change in data["changes"]] == [False, False, True]
    spelled = plan_to_record(plan, lambda change: change["key"])
    assert spelled == {**plan_to_record(plan), "changes": ["Widget/v", "Widget/w", "Widget/v"]}


def test_the_summary_names_rare_actions_where_there_are_any() -> None:
    plan = Plan(Header(), (Change(K, "adopt", "w"), Change(L, "forget", "v")))
    assert summary(plan) == "0 to create, 0 to update, 0 to delete, 1 to adopt, 1 to forget, 0 drifted"


def test_a_newer_minor_version_is_read_and_a_newer_major_refused() -> None:
    data = through_json(plan_to_json(rich()))
    data["format_version"] = "1.9"
    data["header"]["later"] = "x"
    data["later"] = {}
    assert plan_from_json(data) == rich()
    data["format_version"] = "2.0"
    with pytest.raises(ValueError, match=r"2\.0"):
        plan_from_json(data)


def spoil(data: Any, path: list[Any], value: Any) -> Any:
    node = data
    for part in path[:-1]:
        node = node[part]
    node[path[-1]] = value
    return data


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (["header"], []),
        (["header"], {"target": "t"}),
        (["changes"], None),
        (["changes", 0, "action"], "explode"),
        (["changes", 0, "key"], "nokey"),
        (["changes", 0, "pin", "style"], "hope"),
        (["changes", 0, "steps", 0, "operation"], "explode"),
        (["changes", 0, "steps", 0, "body"], {MARKER: {"new": 1}}),
        (["changes", 1, "source"], "no line"),
        (["changes", 1, "modified"], None),
        (["cost"], {}),
        (["sizes"], {"Widget": "many"}),
        (["format_version"], None),
    ],
)
def test_a_damaged_plan_is_refused(path: list[Any], value: Any) -> None:
    with pytest.raises(ValueError):
        plan_from_json(spoil(through_json(plan_to_json(rich())), path, value))


@pytest.mark.parametrize(
    ("path", "says"),
    [(["cost"], "it lacks 'requests'"), (["changes"], "another form"), (["sizes"], "another form")],
)
def test_damage_is_told_in_words_of_the_file(path: list[Any], says: str) -> None:
    value = {"cost": {}, "changes": [1], "sizes": []}[path[0]]
    with pytest.raises(ValueError, match=says) as caught:
        plan_from_json(spoil(through_json(plan_to_json(rich())), path, value))
    assert "object" not in str(caught.value)


@pytest.mark.parametrize("data", [[], "text", None, 3, {}])
def test_what_is_no_plan_is_refused(data: Any) -> None:
    with pytest.raises(ValueError):
        plan_from_json(data)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, dict):
        return [place for name, item in value.items() for place in places(item, (*path, name))]
    if isinstance(value, list) and value:
        return [place for index, item in enumerate(value) for place in places(item, (*path, index))]
    return [path]


DATA = plan_to_json(rich())


@pytest.mark.parametrize("path", [path for path in places(DATA) if path != ("planDigest",)], ids=str)
def test_the_plan_digest_covers_every_value(path: tuple[Any, ...]) -> None:
    assert plan_digest(spoil(copy.deepcopy(DATA), list(path), "tampered")) != DATA["planDigest"]


def with_change(plan: Plan, **fields: Any) -> Plan:
    return replace(plan, changes=(plan.changes[0], replace(plan.changes[1], **fields)))


def test_the_change_digest_ignores_what_a_reviewer_cannot_know() -> None:
    plan, change = rich(), rich().changes[1]
    same = [
        replace(plan, header=replace(plan.header, created="later", commit="other", manifests="x", tool="2")),
        replace(plan, changes=plan.changes[::-1], cost=Cost(1, 1), unchanged=99, warnings=(), orphans=()),
        with_change(plan, pin=Pin("version", "9", "other")),
        with_change(plan, resource_id="other"),
        with_change(plan, modified=("bob", "later")),
        with_change(plan, mark=None, marks={}),
        with_change(plan, unchecked=()),
        with_change(plan, fields=tuple(item for item in change.fields if item.secret != "rotated")),
        replace(plan, changes=(*plan.changes, Change(Key("Widget", "n"), "none", "n", unchecked=(("a",),)))),
        replace(plan, changes=(*plan.changes, Change(Key("Widget", "n"), "update", "n", fields=(change.fields[2],)))),
    ]
    assert {change_digest(other) for other in same} == {change_digest(plan)}


@pytest.mark.parametrize("index", [0, 1, 3])
@pytest.mark.parametrize(
    "mutation",
    [{"desired": "other"}, {"live": "other"}, {"status": "theirs"}, {"path": ("other",)}],
)
def test_the_change_digest_covers_every_value_of_a_change(index: int, mutation: dict[str, Any]) -> None:
    plan = rich()
    fields = list(plan.changes[1].fields)
    fields[index] = replace(fields[index], **mutation)
    assert change_digest(with_change(plan, fields=tuple(fields))) != change_digest(plan)


def test_the_change_digest_covers_what_is_done_to_whom() -> None:
    plan = rich()
    other = [
        with_change(plan, action="adopt"),
        with_change(plan, key=Key("Widget", "z")),
        with_change(plan, live_name="z"),
        with_change(plan, reason="missing"),
        replace(plan, changes=plan.changes[:1]),
        replace(plan, changes=(*plan.changes, Change(Key("Widget", "z"), "delete", "z"))),
    ]
    digests = {change_digest(item) for item in [plan, *other]}
    assert len(digests) == len(other) + 1


def test_the_change_digest_knows_a_secret_by_its_reference_alone() -> None:
    def created(secret: Secret) -> str:
        fields = (FieldChange(("credentials",), "ours", ABSENT, {"l": [{"token": secret}]}, ABSENT),)
        return change_digest(Plan(Header(), (Change(K, "create", "w", fields=fields),)))

    assert created(Secret("env:A", "x", "f1")) == created(Secret("env:A", None, ""))
    assert created(Secret("env:A")) != created(Secret("env:B"))
