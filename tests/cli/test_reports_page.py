"""What docs/reports.md shows is run as it is written there, and what it says of formats and keys is what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from xml.etree import ElementTree

import pytest

from reconciler.cli.rendering import FORMATS, REPORTS
from reconciler.render.html_page import KEYS
from reconciler.render.markdown_stamp import sticky
from tests.support.html_pages import read_page
from tests.support.junit_schema import check
from tests.support.project import Project
from tests.support.render_plans import HEADER
from tests.support.tenant_project import dataset

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "reports.md").read_text(encoding="utf-8")


@pytest.fixture
def written(project: Project) -> Project:
    """A project in which the page's commands were run, in their order."""
    (block,) = re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines():
        command, _, file = line.removeprefix("$ ").partition(" > ")
        name, *words = shlex.split(command)
        assert name == "reconciler"
        out = project.run(*words).ok().out
        if file:
            project.write(file, out)
    return project


def test_the_commands(written: Project) -> None:
    plan = written.root / "plan.html"
    assert plan.read_bytes() == (written.root / "again.html").read_bytes()
    assert [(entry.action, entry.key) for entry in read_page(plan.read_text("utf-8")).of("changes")] == [
        ("create", "Dataset/people")
    ]
    page = read_page((written.root / "applied.html").read_text("utf-8"))
    assert [(entry.action, entry.key) for entry in page.of("applied")] == [("applied", "Dataset/people")]
    assert "manifests/people.yaml:1" in page.of("applied")[0].text
    assert read_page((written.root / "drift.html").read_text("utf-8")).tiles["drifted"] == 0
    applied = (written.root / "applied.md").read_text("utf-8")
    assert applied.startswith("<!-- reconciler-apply demo/local -->\n")
    assert "## Applied to <code>local</code>: 1 applied" in applied
    for name in ("plan.xml", "drift.xml"):
        check(ElementTree.fromstring((written.root / name).read_text("utf-8")))


def test_the_first_line_of_a_comment() -> None:
    assert f"<!-- {sticky('plan', HEADER)} -->" in PAGE


def test_every_format_is_told_of() -> None:
    told = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", PAGE, re.MULTILINE)
    assert {name for name, _ in told} == {*FORMATS, *REPORTS}
    for name, where in told:
        assert ("`--report`" in where) == (name in REPORTS)
        assert ("`--format`," in f"{where},") == (name in FORMATS)


def test_every_key_is_told_of() -> None:
    table = PAGE.partition("| key | does |")[2].partition("\n\n")[0]
    assert set(re.findall(r"`([^`]+)`", table)) == {key for key, _ in KEYS}


def test_every_format_of_every_command(project: Project) -> None:
    """To stdout as to a file; an error is nothing but its annotation for GitHub."""
    project.run("plan", "--report", "html=no/such/folder.html").ok(64)
    github = project.run("plan", "--format", "github").ok()
    assert github.out.startswith("::notice title=Plan for local::1 to create")
    assert github.err == ""
    project.apply("--report", "github=applied.txt", "--report", "html=applied.html")
    assert (project.root / "applied.txt").read_text("utf-8") == "::notice title=Apply for local::1 applied\n"
    project.control("POST", "edit", {"kind": "Dataset", "name": "people", "patch": {"description": "x"}, "by": "eve"})
    ran = project.run("drift", "--format", "github").ok(2)
    assert ran.out.startswith(
        "::warning file=manifests/people.yaml,line=1,col=1,title=drift Dataset/people::last written by eve"
    )
    page = read_page(project.run("drift", "--unmanaged", "--format", "html").ok(2).out)
    assert [entry.key for entry in page.of("drift")] == ["Dataset/people"]
    ran = project.run("drift", "--format", "markdown").ok(2)
    assert ran.out.startswith("<!-- reconciler-drift demo/local -->\n")
    assert "## Drift of <code>local</code>: 1 drifted" in ran.out
    assert "Plan" not in ran.out
    project.put("people.yaml", dataset("people", columns={"id": "text"}))
    ran = project.run("plan", "--format", "github").ok(78)
    assert ran.out.startswith("::error file=manifests/people.yaml,line=1,")


def test_an_error_is_an_annotation_too(project: Project) -> None:
    ran = project.run("plan", "--format", "github", "--only", "no selector").ok(64)
    assert re.fullmatch(r"::error title=U001 [^:]*::.*no selector.*\n", ran.out), ran.out
    assert ran.err.startswith("error[U001]")
