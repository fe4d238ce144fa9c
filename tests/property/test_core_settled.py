"""The quick way to know that a resource is as it should be gives the plan that looking at everything gives."""

from __future__ import annotations

from typing import Any
from unittest.mock import patch

from hypothesis import assume, given
from hypothesis import strategies as st

from reconciler.core.compare import compare
from reconciler.core.planfile import plan_to_json
from reconciler.core.resource import Desired, Key
from reconciler.core.seal import fingerprint_of
from reconciler.core.settled import divergence
from reconciler.core.wire import live_tree
from tests.property.test_core_planning import SLOW, applied, edit_by_hand, edits, plan, projects


@given(projects(), st.data())
@SLOW
def test_plans_are_the_same_without_the_shortcut(project: list[Desired], data: st.DataObject) -> None:
    run = applied(project)
    other = data.draw(projects())
    there = {one.key for one in project}
    usable = [item for item in other if there.issuperset(item.dependencies)]
    wanted = [data.draw(st.sampled_from([one, *(item for item in usable if item.key == one.key)])) for one in project]
    if data.draw(st.booleans()):
        # Somebody else did all that is wanted, and this ledger does not know: nothing to send, much to record.
        before, made = run.ledger, plan(wanted, run)
        assume(not made.problems)
        run.apply(made)
        run.ledger = before
    for pick, edit in data.draw(st.lists(st.tuples(st.integers(0, 9), edits), max_size=2)):
        edit_by_hand(run.tenant, pick, edit)
    keys = [item.key for item in wanted] or [Key("Widget", "k1")]
    options = {"write_secrets": frozenset(data.draw(st.lists(st.sampled_from(keys), max_size=1)))}
    quick = plan(wanted, run, **options)
    with patch("reconciler.core.planning.settled", return_value=False):
        thorough = plan(wanted, run, **options)
    assert quick.unchanged == thorough.unchanged
    assert plan_to_json(quick) == plan_to_json(thorough)


@given(projects(), st.lists(st.tuples(st.integers(0, 9), edits), max_size=4))
@SLOW
def test_reading_back_finds_what_comparing_everything_finds(
    project: list[Desired], changes: list[tuple[int, Any]]
) -> None:
    run = applied(project)
    for pick, edit in changes:
        edit_by_hand(run.tenant, pick, edit)
    for key, entry in run.ledger.entries.items():
        kind = run.tenant.kinds[key.kind]
        if entry.id in run.tenant.of(kind):
            live = run.tenant.read(kind, entry.id)
            tree = live_tree(kind, live.body)
            whole = compare(kind, entry.fields, entry.fields, tree, fingerprint=fingerprint_of).changes
            assert sorted(divergence(kind, entry, live), key=repr) == sorted(whole, key=repr)
