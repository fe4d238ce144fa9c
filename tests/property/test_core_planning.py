"""Planning on generated projects: whatever was there before, an applied plan leaves nothing to plan."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from hypothesis import HealthCheck, assume, given, note, settings
from hypothesis import strategies as st

from reconciler.core.normalise import normalise
from reconciler.core.plan import Header, Plan
from reconciler.core.planfile import plan_from_json, plan_from_record, plan_to_json, plan_to_record
from reconciler.core.planning import Options, make_plan
from reconciler.core.resource import Desired, Key, Lifecycle
from reconciler.core.values import Tree, Unknown, unknowns
from reconciler.core.wire import canonical
from tests.support.kinds import (
    GADGET,
    KINDS,
    TABLE,
    WIDGET,
    fingerprint,
    gadgets,
    json_values,
    tables,
    template,
    widgets,
)
from tests.support.tenant import Run, Tenant, empty_ledger, rfc7396

HEADER = Header("local", "emulator:", "stack", "2026-01-01T00:00:00Z")
SLOW = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])

live_names = st.lists(st.sampled_from(["n1", "n2", "n3", "n4", "n5"]), min_size=3, max_size=3, unique=True)
ignored = st.lists(
    st.sampled_from(
        ["description", "settings.speed", "parts.a.x", "parts.b", "labels.a", "vars.A", "credentials.token"]
    ),
    max_size=2,
).map(tuple)


@st.composite
def projects(draw: st.DrawFn) -> list[Desired]:
    """Up to three resources of each made-up kind; gadgets refer to widgets, widgets' variables to tables."""
    found: dict[Key, Tree] = {}
    for kind, strategy in (("Ledgerbook", tables()), ("Widget", None), ("Gadget", None)):
        known = [key for key in found if key.kind == ("Ledgerbook" if kind == "Widget" else "Widget")]
        if kind == "Gadget" and not known:
            break
        if strategy is None:
            inside = st.sampled_from([template(key.kind, key.name) for key in known] or ["none"])
            whole = st.sampled_from([Unknown(key.kind, key.name, "id") for key in known] or ["none"])
            strategy = widgets(inside) if kind == "Widget" else gadgets(whole)
        for key, name in zip(draw(st.sets(st.sampled_from(["k1", "k2", "k3"]))), draw(live_names), strict=False):
            found[Key(kind, key)] = {"name": name, **draw(strategy)}
    return [
        Desired(
            key,
            normalise(KINDS[key.kind], fields),
            Lifecycle(ignore_changes=draw(ignored) if key.kind == "Widget" else ()),
            tuple(sorted({Key(one.kind, one.name) for one in unknowns(fields)})),
        )
        for key, fields in found.items()
    ]


def plan(project: list[Desired], run: Run, **options: Any) -> Plan:
    return make_plan(
        project,
        run.tenant.observed(),
        run.ledger,
        KINDS,
        header=HEADER,
        options=Options(**{"prune": True, **options}),
        fingerprint=fingerprint,
    )


def applied(project: list[Desired], run: Run | None = None) -> Run:
    run = run or Run(Tenant(KINDS), empty_ledger())
    made = plan(project, run)
    assume(not made.problems)
    run.apply(made)
    return run


def nothing_left(project: list[Desired], run: Run) -> None:
    again = plan(project, run)
    note(str(again.changes))
    assert again.problems == ()
    assert again.changes == ()
    assert again.unchanged == len(project)


@given(projects())
@SLOW
def test_after_a_first_apply_nothing_is_left(project: list[Desired]) -> None:
    made = plan(project, Run(Tenant(KINDS), empty_ledger()))
    assert made.problems == ()
    assert {change.action for change in made.changes} <= {"create"}
    nothing_left(project, applied(project))


@given(projects(), projects())
@SLOW
def test_after_going_on_to_another_project_nothing_is_left(first: list[Desired], second: list[Desired]) -> None:
    run = applied(first)
    made = plan(second, run)
    assume(not made.problems)
    run.apply(made)
    nothing_left(second, run)


edits = st.one_of(
    st.fixed_dictionaries(
        {},
        optional={
            "description": st.sampled_from(["edited", None]),
            "size": st.sampled_from([7, True, None]),
            "settings": st.sampled_from([{"speed": 9}, {"mode": None, "deep": {"z": 1}}, None]),
            "parts": st.sampled_from([[], [{"id": "a", "x": 9}], [{"id": "zz"}, {"id": "a"}]]),
            "labels": st.sampled_from([{"a": None}, {"zz": 1}, None]),
            "vars": st.sampled_from([{"A": None}, {"A": "edited"}, {"ZZ": {"value": "s", "secret": True}}]),
            "credentials": st.sampled_from([{"token": None}, {"user": "edited"}, {"other": "s"}]),
            "opaque": st.sampled_from([{"a": None}, {"zz": {"y": 1}}]),
            "undeclared": st.sampled_from([{"deep": [1]}, "text"]),
            "columns": st.sampled_from([{"a": None}, {"zz": {"type": "date", "nullable": True}}]),
            "note": json_values,
        },
    ),
    st.just(None),
)


def edit_by_hand(tenant: Tenant, pick: int, patch: Any) -> None:
    """What somebody does on the console: change a resource, or delete one that nothing refers to."""
    places = [(kind, one) for kind in (WIDGET, TABLE, GADGET) for one in sorted(tenant.of(kind))]
    if not places:
        return
    kind, one = places[pick % len(places)]
    if patch is None:
        if all(f'"{one}"' not in json.dumps(body) for name, body in _bodies(tenant) if name != one):
            del tenant.of(kind)[one]
        return
    known = {name: value for name, value in patch.items() if name == "undeclared" or name in tenant.of(kind)[one]}
    tenant.of(kind)[one] = rfc7396(tenant.of(kind)[one], known)


def _bodies(tenant: Tenant) -> list[tuple[str, Any]]:
    return [item for kind in KINDS.values() for item in tenant.of(kind).items()]


@given(projects(), st.lists(st.tuples(st.integers(0, 8), edits), max_size=3))
@SLOW
def test_what_was_edited_by_hand_is_brought_back(project: list[Desired], changes: list[tuple[int, Any]]) -> None:
    run = applied(project)
    for pick, patch in changes:
        edit_by_hand(run.tenant, pick, patch)
    undeclared = {one: body.get("undeclared") for one, body in _bodies(run.tenant)}
    made = plan(project, run)
    assume(not made.problems)
    run.apply(made)
    nothing_left(project, run)
    now = dict(_bodies(run.tenant))
    assert all(now[one].get("undeclared") == value for one, value in undeclared.items())


@given(projects(), projects(), st.integers(0, 12), st.lists(st.tuples(st.integers(0, 8), edits), max_size=1))
@SLOW
def test_any_prefix_of_a_plan_converges(
    first: list[Desired], second: list[Desired], requests: int, changes: list[tuple[int, Any]]
) -> None:
    run = applied(first)
    for pick, patch in changes:
        edit_by_hand(run.tenant, pick, patch)
    made = plan(second, run)
    assume(not made.problems)
    run.apply(made, requests)
    rest = plan(second, run)
    assert rest.problems == ()
    run.apply(rest)
    nothing_left(second, run)


@given(projects(), st.booleans())
@SLOW
def test_a_lost_ledger_adopts_by_name_and_deletes_nothing(project: list[Desired], lost: bool) -> None:
    run = applied(project)
    before = json.dumps(run.tenant.stored, sort_keys=True)
    run.ledger = empty_ledger(lost=lost)
    made = plan(project, run)
    assert {change.action for change in made.changes} <= {"adopt"}
    run.apply(made)
    assert json.dumps(run.tenant.stored, sort_keys=True) == before or any(change.steps for change in made.changes)
    nothing_left(project, run)


@given(projects(), projects(), st.randoms(use_true_random=False))
@SLOW
def test_the_plan_does_not_depend_on_the_order_of_things(
    first: list[Desired], second: list[Desired], random: Any
) -> None:
    run = applied(first)
    straight = canonical(plan_to_json(plan(second, run)))
    mixed = [replace(item, fields=_shuffled(item.fields, random)) for item in random.sample(second, len(second))]
    observed = {
        name: random.sample(items, len(items)) for name, items in _shuffled(run.tenant.observed(), random).items()
    }
    ledger = replace(run.ledger, entries=_shuffled(dict(run.ledger.entries), random))
    other = make_plan(
        mixed, observed, ledger, KINDS, header=HEADER, options=Options(prune=True), fingerprint=fingerprint
    )
    assert canonical(plan_to_json(other)) == straight


def _shuffled(value: Any, random: Any) -> Any:
    if type(value) is not dict:
        return value
    return {key: _shuffled(value[key], random) for key in random.sample(list(value), len(value))}


@given(projects(), projects())
@SLOW
def test_dependencies_come_first_and_deletes_in_reverse(first: list[Desired], second: list[Desired]) -> None:
    run = applied(first)
    made = plan(second, run)
    assume(not made.problems)
    place = {change.key: index for index, change in enumerate(made.changes)}
    deleted = {change.key for change in made.changes if change.action == "delete"}
    for item in second:
        for other in item.dependencies:
            if item.key in place and other in place:
                assert place[other] < place[item.key]
    for key, entry in run.ledger.entries.items():
        for other in entry.dependencies:
            if other in deleted and key in place:
                assert place[key] < place[other]
    for change in made.changes:
        assert all(place[key] < place[change.key] for key in change.after)


@given(projects(), projects())
@SLOW
def test_a_saved_plan_reads_back_and_carries_out_the_same(first: list[Desired], second: list[Desired]) -> None:
    run = applied(first)
    made = plan(second, run)
    text = json.dumps(plan_to_json(made))
    assert plan_to_json(plan_from_json(json.loads(text))) == json.loads(text)
    assert plan_from_record(json.loads(json.dumps(plan_to_record(made)))) == plan_from_json(json.loads(text))
    assert "hunter2" not in text
    assert "swordfish" not in text
    assert "hunter2" not in repr(made)


@given(projects(), projects())
@SLOW
def test_a_narrowed_run_neither_deletes_nor_forgets(first: list[Desired], second: list[Desired]) -> None:
    run = applied(first)
    some = frozenset(item.key for item in second[::2])
    made = plan(second, run, partial=True, selected=some)
    assert {change.key for change in made.changes} <= some
    assert not {change.action for change in made.changes} & {"delete", "forget"}
