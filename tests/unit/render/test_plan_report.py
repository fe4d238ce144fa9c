import re

import pytest

from reconciler.core.report import Report, Result, account, report_from_json, report_to_json
from reconciler.core.resource import Key
from reconciler.render.markdown import LIMIT
from reconciler.render.report_markdown import render_report_markdown
from reconciler.render.report_text import render_report_text, render_result_line
from tests.support.render_plans import NASTY, REPORT, plan_of, widget

A = Key("Widget", "a")


def test_every_change_that_was_not_applied_has_its_line():
    assert render_report_text(REPORT).splitlines() == [
        "stale    update Widget/b: size is 3 now, planned on 2 [S001]",
        "  fix: plan again",
        "failed   create Widget/c: the name is taken [H006]",
        "  fix: declare another name",
        "skipped  create Widget/d: needs Widget/c, which was not applied",
        "unknown  delete Widget/e: no answer came [H002]",
        "  fix: apply --resume",
        "not converged  Widget/a: label is still old",
        "Interrupted by SIGTERM: what was in flight was finished, nothing new was started.",
        "Requests: GET 4, PATCH 2",
        account(REPORT),
    ]


def test_what_was_applied_is_listed_when_asked_for():
    assert "applied  create Widget/a" not in render_report_text(REPORT)
    assert "applied  create Widget/a" in render_report_text(REPORT, full=True)


def test_with_the_plan_the_source_is_named():
    plan = plan_of([widget("b", line=12)])
    assert "[S001] (manifests/b.yaml:12)" in render_report_text(REPORT, plan)


def test_colour_changes_no_word():
    assert re.sub(r"\x1b\[[0-9;]*m", "", render_report_text(REPORT, color=True)) == render_report_text(REPORT)


def test_an_empty_report_says_so():
    assert render_report_text(Report()) == "Nothing to apply.\n"
    assert "Nothing to apply" in render_report_markdown(Report())


@pytest.mark.parametrize("result", REPORT.results)
def test_progress_is_one_line(result):
    line = render_result_line(result)
    assert line.startswith(f"{result.outcome:<7}  {result.action} {result.key}")
    assert "\n" not in line


def test_foreign_text_is_harmless():
    report = Report((Result(A, "update", "failed", "", NASTY, NASTY, NASTY),), ((A, NASTY),), 0, {NASTY: 1})
    for line in (render_result_line(report.results[0]), *render_report_text(report).splitlines()):
        assert line.isprintable()
    assert "<script" not in render_report_markdown(report)


def test_markdown_lists_the_same_and_stays_postable():
    text = render_report_markdown(REPORT)
    assert account(REPORT) in text
    assert text.count("\n- **") == 4
    assert text.count("\n- <code>") == 1
    assert "<summary>Applied (1)</summary>\n\n- + create <code>Widget/a</code>" in text
    many = Report(tuple(Result(Key("Widget", f"w{i}"), "update", "failed", message="x" * 300) for i in range(1000)))
    assert len(render_report_markdown(many)) < LIMIT
    assert "more changes** do not fit" in render_report_markdown(many)


def test_a_report_reads_back():
    assert report_from_json(report_to_json(REPORT)) == REPORT


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data.update(format_version="2.0"),
        lambda data: data.pop("signal"),
        lambda data: data["results"][0].update(outcome="fine"),
        lambda data: data["results"][0].update(action="replace"),
        lambda data: data.update(requests=[]),
        lambda data: data["diverged"].append({"key": "no key", "message": ""}),
    ],
)
def test_what_is_no_report_is_a_value_error(spoil):
    data = report_to_json(REPORT)
    spoil(data)
    with pytest.raises(ValueError):
        report_from_json(data)
