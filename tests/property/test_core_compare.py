"""The three-way comparison on generated trees: it converges, leaves others' fields alone, and agrees with two oracles."""

from __future__ import annotations

from typing import Any

from deepdiff import DeepDiff
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.compare import Comparison, compare, same
from reconciler.core.kind import Kind
from reconciler.core.mergepatch import apply_patch
from reconciler.core.values import ABSENT, MASKED, Secret, Tree
from tests.support.kinds import WIDGET, credentials, json_values, labels, names, part_lists, scalars, variables

PLAIN = Kind("Plain", "resource", object, "No rule at all.", required=frozenset())

leaves = st.sampled_from([0, 1, True, "x", "y"])
nested = st.recursive(leaves, lambda inner: st.dictionaries(names, inner, min_size=1, max_size=3), max_leaves=8)
free_trees = st.dictionaries(names, json_values, max_size=4)
shaped = st.fixed_dictionaries(
    {},
    optional={"a": leaves, "b": st.dictionaries(names, leaves, min_size=1), "c": st.fixed_dictionaries({"d": nested})},
)
widget_trees = st.fixed_dictionaries(
    {},
    optional={
        "description": scalars,
        "tags": st.lists(names, max_size=3, unique=True),
        "parts": part_lists,
        "labels": labels,
        "opaque": st.dictionaries(names, json_values, max_size=3),
        "settings": st.fixed_dictionaries({}, optional={"speed": scalars, "steps": part_lists, "deep": json_values}),
        "credentials": credentials(),
        "vars": variables(st.just("plain")),
        "size": scalars,
    },
)


def compared(kind: Kind, base: Tree, desired: Tree, live: Tree, **options: Any) -> Comparison:
    return compare(kind, base, desired, live, fingerprint=lambda secret: secret.fingerprint, **options)


def seen(value: Any) -> Any:
    """A tree as it is read back: secrets masked."""
    if isinstance(value, dict):
        return {name: seen(item) for name, item in value.items()}
    if isinstance(value, list):
        return [seen(item) for item in value]
    return MASKED if isinstance(value, Secret) else value


def settled(found: Comparison) -> bool:
    return not found.patch and not [item for item in found.changes if item.sends] and not found.unchecked


@given(free_trees, free_trees, free_trees)
def test_what_is_sent_makes_the_next_comparison_empty(base: Tree, desired: Tree, live: Tree) -> None:
    found = compared(PLAIN, base, desired, live)
    again = compared(PLAIN, desired, desired, apply_patch(live, found.patch))
    assert settled(again)
    assert not again.stale_base


@given(widget_trees, widget_trees, widget_trees)
def test_what_is_sent_makes_the_next_comparison_of_every_feature_empty(base: Tree, desired: Tree, live: Tree) -> None:
    found = compared(WIDGET, base, desired, seen(live))
    again = compared(WIDGET, desired, desired, apply_patch(seen(live), seen(found.patch)))
    assert settled(again)


def untouched(path: tuple[str, ...], before: Any, after: Any, desired: Any, base: Any) -> None:
    """What neither git nor the base names is as it was."""
    for name, value in before.items():
        wanted = desired.get(name, ABSENT) if isinstance(desired, dict) else ABSENT
        was = base.get(name, ABSENT) if isinstance(base, dict) else ABSENT
        if wanted is ABSENT and was is ABSENT:
            assert same(after[name], value), (*path, name)
        elif isinstance(value, dict) and not [
            one for one in (wanted, was) if one is not ABSENT and not isinstance(one, dict)
        ]:
            untouched((*path, name), value, after[name], wanted, was)


@given(free_trees, free_trees, free_trees)
def test_undeclared_fields_are_never_changed(base: Tree, desired: Tree, live: Tree) -> None:
    found = compared(PLAIN, base, desired, live)
    untouched((), live, apply_patch(live, found.patch), desired, base)


@given(widget_trees, widget_trees, widget_trees)
def test_comparing_is_deterministic_and_order_never_matters(base: Tree, desired: Tree, live: Tree) -> None:
    def turned(value: Any) -> Any:
        return {name: turned(value[name]) for name in reversed(value)} if isinstance(value, dict) else value

    first = compared(WIDGET, base, desired, seen(live))
    assert compared(WIDGET, base, desired, seen(live)) == first
    assert compared(WIDGET, turned(base), turned(desired), turned(seen(live))) == first


@given(widget_trees)
def test_a_resource_that_is_as_it_was_applied_has_no_difference(tree: Tree) -> None:
    found = compared(WIDGET, tree, tree, seen(tree))
    assert found == Comparison((), {}, (), stale_base=False)


def flat(tree: Any, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    if not isinstance(tree, dict):
        return {path: tree}
    return {where: value for name, item in tree.items() for where, value in flat(item, (*path, name)).items()}


def status_of(base: Any, desired: Any, live: Any) -> str:
    """The table of the design, for one leaf."""
    gone = base is ABSENT or live is ABSENT
    if desired is ABSENT:
        return "" if gone else "unset" if same(base, live) else "released"
    if same(desired, live):
        return ""
    if base is ABSENT:
        return "ours"
    if same(base, desired):
        return "theirs"
    return "ours" if same(base, live) else "both"


fixed = st.fixed_dictionaries(
    {}, optional={"a": leaves, "b": leaves, "c": st.fixed_dictionaries({}, optional={"d": leaves, "e": leaves})}
)


@given(fixed, fixed, fixed)
def test_the_status_of_each_leaf_is_the_tables(base: Tree, desired: Tree, live: Tree) -> None:
    # An empty object is a value of its own (there are cases for it): here only leaves count.
    base, desired, live = ({k: v for k, v in tree.items() if v != {}} for tree in (base, desired, live))
    sides = [flat(tree) for tree in (base, desired, live)]
    expected = {
        path: status
        for path in {*sides[0], *sides[1]}
        if (status := status_of(*(side.get(path, ABSENT) for side in sides)))
    }
    assert {item.path: item.status for item in compared(PLAIN, base, desired, live).changes} == expected


def parts_of(text: str) -> tuple[str, ...]:
    return tuple(text.removeprefix("root['").removesuffix("']").split("']['"))


@given(shaped, shaped)
def test_deepdiff_finds_the_same_declared_differences(desired: Tree, live: Tree) -> None:
    found = DeepDiff(live, desired, ignore_order=False, threshold_to_diff_deeper=0)
    differing = {
        parts_of(str(path))
        for kind in ("values_changed", "type_changes", "dictionary_item_added")
        for path in found.get(kind, ())
    }
    ours = {item.path for item in compared(PLAIN, {}, desired, live).changes}

    def related(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
        return one[: len(other)] == other or other[: len(one)] == one

    assert all(any(related(path, other) for other in ours) for path in differing)
    assert all(any(related(path, other) for other in differing) for path in ours)


@given(widget_trees, widget_trees, st.lists(st.sampled_from(["parts", "parts.a", "parts.a.x", "labels.a", "settings"])))
def test_what_is_ignored_stays_as_it_is_live(desired: Tree, live: Tree, ignore: list[str]) -> None:
    found = compared(WIDGET, {}, desired, seen(live), ignore=ignore)
    after = apply_patch(seen(live), seen(found.patch))
    for pattern in ignore:
        head, _, rest = pattern.partition(".")
        if not rest:
            assert same(after.get(head, ABSENT), seen(live).get(head, ABSENT))
        elif head == "labels" and "a" in live.get("labels", {}):
            assert same(after["labels"]["a"], live["labels"]["a"])
        elif head == "parts" and (item := next((one for one in live.get("parts", ()) if one["id"] == "a"), None)):
            kept = next((one for one in after["parts"] if one["id"] == "a"), None)
            if rest == "a":
                assert same(kept, item)
            elif kept is not None:
                assert same(kept.get("x", ABSENT), item.get("x", ABSENT))
