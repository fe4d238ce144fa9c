"""Findings in every format: complete, in order, and harmless whatever they hold."""

import json
import random
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.diagnostic import Diagnostic, Mark, Rule
from reconciler.render.diagnostics import count, render_diagnostics

RULE = Rule("M999", "A rule, of course: 100 %", "why")
ERROR = Diagnostic(
    RULE,
    "the field is wrong",
    Mark("manifests/a.yaml", 12, 3),
    path="spec.columns.age",
    fix="write another",
    excerpt="  age: wrong\n  ^",
    related=(("it is declared here", Mark("manifests/b.yaml", 1, 1)),),
)
WARNING = Diagnostic(RULE, "it is odd", Mark("manifests/a.yaml", 2, 1), severity="warning")
NOWHERE = Diagnostic(RULE, "the project has no manifests")

HOSTILE = "\x1b[2J\x07\u202e]]>&<\"'%0A::error::\r\n\0\ud800"
NASTY = Diagnostic(
    RULE,
    HOSTILE,
    Mark(f"a{HOSTILE}.yaml", 1, 1),
    path=HOSTILE,
    fix=HOSTILE,
    excerpt=f"{HOSTILE.replace(chr(10), '')}\n^",
    related=((HOSTILE, Mark(HOSTILE, 1, 1)),),
)


def test_text():
    assert render_diagnostics([ERROR, WARNING, NOWHERE]) == (
        "error[M999]: the project has no manifests\n"
        "\n"
        "warning[M999]: it is odd\n"
        " --> manifests/a.yaml:2:1\n"
        "\n"
        "error[M999]: the field is wrong\n"
        "  --> manifests/a.yaml:12:3\n"
        "   |\n"
        "12 |   age: wrong\n"
        "   |   ^\n"
        "   = path: spec.columns.age\n"
        "   = it is declared here: manifests/b.yaml:1:1\n"
        "   = help: write another\n"
        "\n"
        "2 errors, 1 warning\n"
    )


def test_colour_changes_nothing_but_colour():
    plain = render_diagnostics([ERROR, WARNING])
    coloured = render_diagnostics([ERROR, WARNING], color=True)
    assert coloured != plain
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == plain


def test_tabs_keep_the_caret_under_its_character():
    item = Diagnostic(RULE, "m", Mark("f", 1, 3), excerpt="\ta\tb\n\t \t^")
    text = render_diagnostics([item])
    assert "1 |     a    b\n  |          ^\n" in text


def test_counts():
    assert count([]) == "no errors"
    assert count([WARNING]) == "1 warning"
    assert count([ERROR, ERROR]) == "2 errors"
    assert render_diagnostics([]) == "no errors\n"


def test_json():
    data = json.loads(render_diagnostics([ERROR, NOWHERE], "json"))
    assert (data["format_version"], data["errors"], data["warnings"]) == (1, 2, 0)
    nowhere, error = data["diagnostics"]
    assert (nowhere["file"], nowhere["line"], nowhere["path"], nowhere["excerpt"]) == (None, None, None, None)
    assert error == {
        "code": "M999",
        "title": RULE.title,
        "severity": "error",
        "message": "the field is wrong",
        "path": "spec.columns.age",
        "fix": "write another",
        "file": "manifests/a.yaml",
        "line": 12,
        "column": 3,
        "excerpt": "  age: wrong\n  ^",
        "related": [{"message": "it is declared here", "file": "manifests/b.yaml", "line": 1, "column": 1}],
    }


def test_github():
    lines = render_diagnostics([ERROR, WARNING, NOWHERE], "github").splitlines()
    details = "%0Apath: spec.columns.age%0Ait is declared here: manifests/b.yaml:1:1%0Ahelp: write another"
    assert lines == [
        "::error title=M999 A rule%2C of course%3A 100 %25::the project has no manifests",
        "::warning file=manifests/a.yaml,line=2,col=1,title=M999 A rule%2C of course%3A 100 %25::it is odd",
        f"::error file=manifests/a.yaml,line=12,col=3,title=M999 A rule%2C of course%3A 100 %25::the field is wrong{details}",
    ]


def test_junit():
    root = ElementTree.fromstring(render_diagnostics([ERROR, WARNING, NOWHERE], "junit").encode())
    suites = {suite.get("name"): suite for suite in root}
    assert set(suites) == {"project", "manifests/a.yaml"}
    assert (suites["manifests/a.yaml"].get("tests"), suites["manifests/a.yaml"].get("failures")) == ("2", "1")
    warning, error = suites["manifests/a.yaml"]
    assert warning.find("failure") is None
    assert "it is odd" in warning.findtext("system-out")
    failure = error.find("failure")
    assert (failure.get("message"), failure.get("type")) == ("the field is wrong", "M999")
    assert all(
        part in failure.text for part in ("manifests/a.yaml:12:3", "spec.columns.age", "write another", "age: wrong")
    )


def test_junit_of_nothing_is_a_case_that_passes():
    root = ElementTree.fromstring(render_diagnostics([], "junit").encode())
    assert [(case.get("name"), list(case)) for case in root.iter("testcase")] == [("valid", [])]


@pytest.mark.parametrize("form", ["text", "json", "github", "junit"])
def test_order_does_not_depend_on_the_order_given(form):
    items = [ERROR, WARNING, NOWHERE, NASTY, Diagnostic(RULE, "the field is wrong", ERROR.mark, path="other")]
    expected = render_diagnostics(items, form)
    for seed in range(5):
        random.Random(seed).shuffle(items)
        assert render_diagnostics(items, form) == expected


def test_nothing_unprintable_reaches_a_terminal():
    for form in ("text", "github"):
        text = render_diagnostics([NASTY], form)
        assert all(char == "\n" or char.isprintable() for char in text)


def test_no_line_of_an_annotation_is_the_users_own():
    for line in render_diagnostics([NASTY, ERROR], "github").splitlines():
        assert line.startswith("::error file=")
        assert line.count("::error ") == 1


def test_an_unknown_format_is_refused():
    with pytest.raises(ValueError, match="sarif"):
        render_diagnostics([ERROR], "sarif")


ANYTHING = st.text(max_size=12)


@given(ANYTHING, ANYTHING, ANYTHING, ANYTHING)
def test_any_text_is_well_formed(message, file, path, excerpt):
    item = Diagnostic(
        RULE, message, Mark(file, 1, 1), path, message, excerpt=excerpt, related=((path, Mark(file, 1, 1)),)
    )
    (found,) = json.loads(render_diagnostics([item], "json"))["diagnostics"]
    assert (found["message"], found["file"]) == (message, file)
    ElementTree.fromstring(render_diagnostics([item], "junit").encode())
    text = render_diagnostics([item], "text")
    assert all(char == "\n" or char.isprintable() for char in text)
    assert len(render_diagnostics([item], "github").splitlines()) == 1
