"""Plans, drift and reports as JUnit XML: well-formed whatever they hold, and of the form that CI systems read."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.plan import summary
from reconciler.core.report import Report, Result
from reconciler.core.resource import Key
from reconciler.render.junit import Case, render_junit
from reconciler.render.plan_junit import render_drift_junit, render_plan_junit, render_report_junit
from tests.support.junit_schema import check
from tests.support.render_plans import REPORT, worlds


def read(text):
    """The document's root, after it was held against the published rules; each case says one thing at most."""
    root = ElementTree.fromstring(text.encode())
    check(root)
    assert root.tag == "testsuites"
    assert all(len(case) <= 1 for case in root.iter("testcase"))
    return root


def cases(root, group):
    return {case.get("name"): case for case in root.iter("testcase") if case.get("classname") == group}


@pytest.mark.parametrize("name", worlds())
def test_every_plan(name):
    plan = worlds()[name]
    root = read(render_plan_junit(plan))
    (suite,) = root
    assert len(cases(root, "guards")) == len(plan.problems)
    assert len(cases(root, "drift")) == sum(not change.conflicted for change in plan.drifted)
    assert len(cases(root, "changes")) == len(plan.changes) or not (plan.changes or plan.problems)
    assert int(suite.get("failures")) == len(plan.problems) + sum(change.conflicted for change in plan.changes)
    drift = read(render_drift_junit(plan))
    assert int(drift[0].get("failures")) == len(plan.drifted)


def test_what_a_conflict_says():
    root = read(render_plan_junit(worlds()["conflict"]))
    (failure,) = root.iter("failure")
    assert (failure.get("type"), failure.get("message")) == (
        "conflict",
        "git and the tenant both changed the same field",
    )
    assert all(word in failure.text for word in ("applied: ", "tenant: ", "git: ", "last written by"))


def test_what_a_refusal_says():
    plan = worlds()["refused"]
    found = cases(read(render_plan_junit(plan)), "guards")
    for problem in plan.problems:
        case = next(case for name, case in found.items() if name.startswith(problem.code))
        assert case.find("failure").get("type") == problem.code
        assert f"--allow {problem.acknowledge}" in case.find("failure").text or not problem.acknowledge


def test_drift_passes_in_a_plan_and_fails_in_drift():
    plan = worlds()["drift"]
    assert all(case.find("failure") is None for case in cases(read(render_plan_junit(plan)), "drift").values())
    assert all(case.find("failure") is not None for case in cases(read(render_drift_junit(plan)), "drift").values())


def test_nothing_to_do_is_a_case_that_passes():
    plan = worlds()["empty"]
    (case,) = read(render_plan_junit(plan)).iter("testcase")
    assert summary(plan) in case.get("name")
    assert read(render_drift_junit(plan))[0].get("failures") == "0"


def test_a_report():
    root = read(render_report_junit(REPORT))
    assert int(root[0].get("tests")) == len(REPORT.results)
    key = Key("Widget", "a")
    report = Report((Result(key, "update", "applied"),), diverged=((key, "is not there"),))
    (failure,) = read(render_report_junit(report)).iter("failure")
    assert (failure.get("message"), failure.get("type")) == ("is not there", "not converged")
    outcomes = ("applied", "stale", "failed", "skipped", "unknown")
    report = Report(tuple(Result(Key("Widget", name), "update", name) for name in outcomes))
    suite = read(render_report_junit(report))[0]
    assert (suite.get("failures"), suite.get("skipped")) == ("3", "1")
    assert read(render_report_junit(Report()))[0].get("tests") == "1"


@given(st.text(), st.text(), st.sampled_from(["passed", "failed", "skipped"]))
def test_any_text_is_well_formed(one, other, state):
    root = read(render_junit([(one, [Case(other, one, state, other, one, other)])]))
    if all(character.isprintable() for character in one):
        assert root[0].get("name") == one


def test_control_characters_are_shown_as_escapes():
    text = render_junit([("a\x00\x1b[31m\ud800", [Case("\ufffe<&>\"'", "g", "failed", "\x08", "t", "]]>\x0b")])])
    assert read(text)[0][0].get("name") == "\\ufffe<&>\"'"
    assert "\x1b" not in text
