"""Acknowledgements: which of them let what pass, until when, and what is said of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.acknowledge import Acknowledgement, Finding, accepts, form_error, judge, refused_now
from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.freeze import Freeze
from reconciler.core.guard_codes import GUARDS, acknowledgement_form
from reconciler.core.plan import Change, Header, Plan, Problem, Step
from reconciler.core.plandigest import change_digest, digest_of_change
from reconciler.core.planfile import plan_from_json, plan_to_json
from reconciler.core.resource import Key
from reconciler.core.selection import Selector

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
KEY = Key("Dataset", "people")
CHANGE = Change(
    KEY,
    "update",
    "people",
    "id-1",
    steps=(Step("update", {"description": "new"}),),
    fields=(FieldChange(("description",), "ours", "old", "new", "old"),),
)
PLAN = Plan(Header(target="prod"), (CHANGE,))
OWNED = Problem("P-owner", "no owner", "add one", KEY, "P-owner:Dataset/people")
DELETES = Problem("G001", "7 deletes", "", None, "G001=7")
SHARE = Problem("G002", "too many", "", None, "G002")
FIXED = Problem("G008", "breaks", "", KEY)
YEAR_END = Freeze(
    "year-end", "peak", UTC, "UTC", NOW.replace(tzinfo=None) - timedelta(1), NOW.replace(tzinfo=None) + timedelta(1)
)


def entry(text: str, **fields: Any) -> Acknowledgement:
    return Acknowledgement(
        text, "agreed", "anna", **{"expires": NOW + timedelta(1), "mark": Mark("a.yaml", 3, 5), **fields}
    )


def judged(
    *problems: Problem,
    allowed: Sequence[str] = (),
    entries: Sequence[Acknowledgement] = (),
    freezes: Sequence[Freeze] = (),
    plan: Plan = PLAN,
    refuses: bool = True,
) -> Plan:
    findings = [Finding(problem, refuses) for problem in problems]
    return judge(plan, findings, allowed=allowed, entries=entries, freezes=freezes, moment=NOW)


@pytest.mark.parametrize(
    ("text", "problem", "lets"),
    [
        ("P-owner:Dataset/people", OWNED, True),
        ("P-owner", OWNED, True),
        ("P-owner:Dataset/peopl", OWNED, False),
        ("P-owne", OWNED, False),
        ("G001=7", DELETES, True),
        ("G001=8", DELETES, True),
        ("G001=6", DELETES, False),
        ("G001", DELETES, False),
        ("G001=", DELETES, False),
        ("G018=9", DELETES, False),
        ("G002", SHARE, True),
        ("G002:Dataset/people", SHARE, False),
        ("G008", FIXED, False),
        ("G008:Dataset/people", FIXED, False),
        ("", FIXED, False),
    ],
)
def test_what_lets_what_pass(text: str, problem: Problem, lets: bool) -> None:
    assert accepts(text, problem) == lets
    assert (judged(problem, allowed=[text]).problems == ()) == lets
    found = judged(problem, entries=[entry(text)])
    assert (found.problems == ()) == lets
    assert bool(found.acknowledged) == lets


@pytest.mark.parametrize("code", [rule.code for rule in GUARDS])
def test_every_form_that_is_explained_is_one_that_is_taken(code: str) -> None:
    form = acknowledgement_form(code)
    text = form.replace("=N", "=3").replace(":Kind/name", ":Dataset/people").replace(":NAME", ":year-end")
    assert (form_error(text or code, ()) is None) == bool(form)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("P-other", "there is no guard P-other"),
        ("P-owner:people", "write P-owner:Kind/name"),
        ("P-owner=3", "write P-owner:Kind/name"),
        ("G999", "there is no guard G999"),
        ("G020", "write --allow G020:NAME"),
        ("G022:Dataset/people", "cannot be acknowledged"),
        ("", "there is no guard"),
    ],
)
def test_forms_that_mean_nothing(text: str, says: str) -> None:
    found = form_error(text, ["P-owner"])
    assert found is not None
    assert says in found[0]


def test_an_entry_that_expires_now_has_expired() -> None:
    for seconds, lets in ((1, True), (0, False), (-1, False)):
        end = NOW + timedelta(seconds=seconds)
        plan = judged(OWNED, entries=[entry(OWNED.acknowledge, expires=end)])
        assert (plan.problems == ()) == lets
        told = f"G021 the acknowledgement of P-owner:Dataset/people (a.yaml:3:5) expired at {end:%Y-%m-%dT%H:%M:%SZ}"
        assert plan.warnings == (() if lets else (told,))


def test_another_entry_counts_where_one_has_expired() -> None:
    plan = judged(OWNED, entries=[entry("P-owner", expires=NOW), entry("P-owner:Dataset/people")])
    assert plan.problems == ()
    assert [item.accepts for item in plan.acknowledged] == ["P-owner:Dataset/people"]


def test_an_entry_may_be_for_one_digest_and_some_fields() -> None:
    digest = digest_of_change(CHANGE)
    good = (
        {"change": digest[:8]},
        {"change": digest},
        {"fields": ("description",)},
        {"fields": ("description", "columns")},
    )
    bad = {"change": "0" * 8}, {"fields": ("columns",)}, {"targets": ("dev",)}
    for fields in good:
        assert judged(OWNED, entries=[entry("P-owner:Dataset/people", **fields)]).problems == ()
    for fields in bad:
        assert len(judged(OWNED, entries=[entry("P-owner:Dataset/people", **fields)]).problems) == 1
    assert judged(SHARE, entries=[entry("G002", change=change_digest(PLAN)[:12])]).problems == ()
    assert len(judged(SHARE, entries=[entry("G002", change=digest[:12])]).problems) == 1


def test_a_problem_names_the_change_that_an_entry_would_cover() -> None:
    [problem] = judged(OWNED).problems
    assert digest_of_change(CHANGE).startswith(problem.change)
    assert judged(OWNED, entries=[entry("P-owner:Dataset/people", change=problem.change)]).problems == ()
    moved = replace(CHANGE, pin=replace(CHANGE.pin, value="other"), resource_id="id-2")
    assert digest_of_change(moved) == digest_of_change(CHANGE)
    assert digest_of_change(replace(CHANGE, action="delete")) != digest_of_change(CHANGE)


def test_what_accepts_nothing_is_told_but_not_of_a_narrowed_run() -> None:
    plan = judged(entries=[entry("P-owner")])
    assert plan.warnings == ("the acknowledgement of P-owner (a.yaml:3:5) accepts nothing in this plan: remove it",)
    assert judged(entries=[entry("P-owner")], plan=replace(PLAN, partial=True)).warnings == ()
    assert judged(entries=[entry("P-owner", targets=("dev",))]).warnings == ()


@pytest.mark.parametrize(
    ("problem", "text", "fields", "says"),
    [
        (OWNED, "P-owner:Dataset/people", {"change": "0" * 8}, "was for another change than now"),
        (OWNED, "P-owner", {"fields": ("columns",)}, "was for another change than now"),
        (SHARE, "G002", {"change": "0" * 8}, "was for another change than now"),
        (DELETES, "G001=6", {}, "was for fewer than now"),
    ],
)
def test_an_entry_that_falls_short_is_not_to_be_removed(
    problem: Problem, text: str, fields: dict[str, Any], says: str
) -> None:
    for partial in (False, True):
        plan = judged(problem, entries=[entry(text, **fields)], plan=replace(PLAN, partial=partial))
        assert plan.warnings == (
            f"the acknowledgement of {text} (a.yaml:3:5) {says}: review what is refused, and renew it",
        )
    covered = [entry(text, **fields), entry("G001=9" if problem is DELETES else text)]
    assert [item.split(": ")[-1] for item in judged(problem, entries=covered).warnings] == ["remove it"]


def test_warnings_are_acknowledged_too() -> None:
    assert judged(OWNED, refuses=False).warnings == ("P-owner no owner",)
    assert judged(OWNED, refuses=False, allowed=["P-owner"]).warnings == ()


def test_a_freeze_is_a_warning_of_a_plan_and_refuses_an_apply() -> None:
    plan = judged(freezes=[YEAR_END])
    assert plan.problems == ()
    assert plan.warnings[0].startswith(
        "G020 the freeze year-end (peak) holds back a change until Saturday, 2026-05-02 12:00 UTC"
    )
    assert [item.code for item in refused_now(plan, [], [YEAR_END], NOW)] == ["G020"]
    assert refused_now(plan, [], [YEAR_END], NOW + timedelta(1)) == []
    accepted = judged(freezes=[YEAR_END], allowed=["G020:year-end"])
    assert accepted.warnings == ()
    assert refused_now(accepted, [], [YEAR_END], NOW) == []
    ahead = judge(PLAN, [], allowed=["G020:year-end"], entries=(), freezes=[YEAR_END], moment=NOW - timedelta(9))
    assert [item.message for item in ahead.acknowledged] == [""]
    assert refused_now(ahead, [], [YEAR_END], NOW) == []


def test_an_acknowledgement_that_expires_between_plan_and_apply_refuses() -> None:
    plan = judged(OWNED, entries=[entry("P-owner")])
    again = plan_from_json(plan_to_json(plan))
    assert again.acknowledged == plan.acknowledged
    assert refused_now(again, [Finding(OWNED)], [], NOW) == []
    late = refused_now(again, [Finding(OWNED)], [], NOW + timedelta(1))
    assert [item.code for item in late] == ["P-owner", "G021"]


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("P-other", "`reconciler test --guards` lists those that the project wrote"),
        ("G999", "the plan names the code of each guard"),
        ("G022", "see `reconciler explain G022`"),
        ("G020", "see `reconciler explain G020`"),
    ],
)
def test_what_to_do_about_a_form_that_means_nothing(text: str, fix: str) -> None:
    found = form_error(text, ["P-owner"])
    assert found is not None
    assert found[1] == fix


def test_a_problem_of_the_whole_plan_names_no_change() -> None:
    [owned] = judged(OWNED).problems
    assert owned.change == digest_of_change(CHANGE)[:16]
    [share] = judged(SHARE).problems
    assert share.change == ""


def test_an_entry_may_accept_a_freeze_that_is_still_to_come() -> None:
    def ahead(*entries: Acknowledgement) -> Plan:
        moment = NOW - timedelta(9)
        return judge(PLAN, [], allowed=(), entries=entries, freezes=[YEAR_END], moment=moment)

    good = ahead(entry("G020:year-end"))
    assert [(item.accepts, item.message, item.reason, item.by) for item in good.acknowledged] == [
        ("G020:year-end", "", "agreed", "anna")
    ]
    assert good.warnings == ()
    other = ahead(entry("G020:summer", mark=None))
    assert other.acknowledged == ()
    assert other.warnings == ("the acknowledgement of G020:summer accepts nothing in this plan: remove it",)
    assert ahead(entry("G020:year-end", change="0" * 8)).acknowledged == ()
    assert ahead(entry("G020:year-end", expires=NOW - timedelta(9))).acknowledged == ()


def test_the_command_line_may_accept_a_freeze_that_is_still_to_come() -> None:
    made = judge(PLAN, [], allowed=["G020:year-end"], entries=(), freezes=[YEAR_END], moment=NOW - timedelta(9))
    assert [(item.accepts, item.source) for item in made.acknowledged] == [("G020:year-end", "--allow")]


def test_a_freeze_says_what_it_holds_back_until_when_and_the_way_out() -> None:
    both = replace(PLAN, changes=(CHANGE, replace(CHANGE, key=Key("Dataset", "places"))))
    [notice] = refused_now(both, [], [YEAR_END], NOW)
    assert notice == Problem(
        "G020",
        "the freeze year-end (peak) holds back 2 changes until Saturday, 2026-05-02 12:00 UTC (UTC)",
        "apply after that, or plan with --allow G020:year-end",
        None,
        "G020:year-end",
    )
    elsewhere = replace(YEAR_END, targets=("dev",))
    assert refused_now(both, [], [elsewhere], NOW) == []


def test_a_freeze_lets_pass_what_a_file_or_a_name_selects() -> None:
    marked = replace(PLAN, changes=(replace(CHANGE, mark=Mark("urgent/a.yaml", 1, 1)),))
    by_file = replace(YEAR_END, allow=(Selector.parse("@urgent/*"),))
    assert refused_now(marked, [], [by_file], NOW) == []
    assert [item.code for item in refused_now(PLAN, [], [by_file], NOW)] == ["G020"]
    assert refused_now(PLAN, [], [replace(YEAR_END, allow=(Selector.parse("Dataset/*"),))], NOW) == []


texts = st.sampled_from(["P-owner", "P-owner:Dataset/people", "G001=7", "G001=2", "G002", "G008", "G020:year-end"])
ages = st.sampled_from([timedelta(-1), timedelta(0), timedelta(1)])


@given(st.lists(st.tuples(texts, ages)), st.sets(texts))
def test_nothing_passes_that_nothing_valid_accepts(items: list[tuple[str, timedelta]], allowed: set[str]) -> None:
    """Of every problem: it stands, or something that has not expired accepts it and is noted with its reason."""
    entries = [entry(text, expires=NOW + age) for text, age in items]
    plan = judged(OWNED, DELETES, SHARE, FIXED, allowed=sorted(allowed), entries=entries, freezes=[YEAR_END])
    valid = {*allowed, *(text for text, age in items if age > timedelta(0))}
    standing = {problem.code for problem in plan.problems}
    for problem in (OWNED, DELETES, SHARE, FIXED):
        assert (problem.code in standing) == (not any(accepts(text, problem) for text in valid))
    assert {item.accepts for item in plan.acknowledged} <= valid
    assert all(item.reason or item.source == "--allow" for item in plan.acknowledged)
    again = judged(OWNED, DELETES, SHARE, FIXED, allowed=sorted(allowed), entries=entries[::-1], freezes=[YEAR_END])
    assert again.problems == plan.problems
