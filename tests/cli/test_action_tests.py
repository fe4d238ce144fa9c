"""``reconciler test``: what is tested, and how it is told."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

from tests.support.action_tests import (
    FOUR,
    NEGATIVE,
    WRONG,
    action,
    case,
    needs_node,
    one,
    outcomes,
    passing_at,
    project_at,
)
from tests.support.project import Project

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "jobs" / "action-tests.md"


@needs_node
def test_all_pass(tmp_path: Path) -> None:
    passing = passing_at(tmp_path)
    ran = passing.run("test").ok(0)
    assert re.fullmatch(
        r"DataAction/root\n  passed  four \(\d+ ms\)\n  passed  Nine \(\d+ ms\)\n\n"
        r"2 tests of 1 action on target local: 2 passed, in \d+\.\d s\n",
        ran.out,
    )
    assert "info: asked" in passing.run("test", "-v").ok(0).out


@needs_node
def test_differences_are_shown_field_by_field(tmp_path: Path) -> None:
    project = project_at(tmp_path, FOUR, WRONG, NEGATIVE)
    project.apply()
    ran = project.run("test").ok(1)
    text = re.sub(r"\d+ ms", "N ms", ran.out)
    assert (
        "  FAILED  wrong (N ms)  manifests/action.yaml:1\n"
        "          root: expected 1, got 1.4142135623730951\n"
        "          whole: expected true, got false\n"
        "          more.b[0]: expected 3, got 2\n"
        '          info: asked {"n":2}\n'
    ) in text
    assert (
        "  ERROR   negative (N ms)  manifests/action.yaml:1\n          ACTION_FAILED: RangeError: no root of -1" in text
    )
    assert "3 tests of 1 action on target local: 1 passed, 1 failed, 1 without a result" in text
    assert "asked" not in text.partition("FAILED")[0]


@needs_node
def test_the_document_as_json(tmp_path: Path) -> None:
    project = project_at(tmp_path, FOUR, WRONG, NEGATIVE)
    project.apply()
    ran = project.run("test", "--format", "json").ok(1)
    assert ran.json["counts"] == {"passed": 1, "failed": 1, "error": 1}
    assert ran.json["passed"] is False
    assert outcomes(ran) == {"four": "passed", "wrong": "failed", "negative": "error"}
    wrong = one(ran, "wrong")
    assert wrong["differences"][1] == {"path": "whole", "expected": True, "actual": False}
    assert wrong["logs"] == [{"level": "info", "message": "asked", "data": {"n": 2}}]
    assert wrong["requestId"]
    assert one(ran, "negative")["code"] == "ACTION_FAILED"


@needs_node
def test_the_document_as_junit(tmp_path: Path) -> None:
    project = project_at(tmp_path, FOUR, WRONG, case("<neg & ative>", -1, {"root": 1}))
    project.apply()
    ran = project.run("test", "--report", "junit=out.xml", "--report", "json=out.json", "--format", "junit").ok(1)
    assert (project.root / "out.xml").read_text(encoding="utf-8") == ran.out
    assert (project.root / "out.json").exists()
    (suite,) = ElementTree.fromstring(ran.out)
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors")} == {
        "name": "DataAction/root",
        "tests": "3",
        "failures": "1",
        "errors": "1",
    }
    passed, failed, broken = suite.findall("testcase")
    assert [child.tag for child in passed] == ["system-out"]
    assert failed.find("failure") is not None
    assert (broken.get("name"), broken.find("error").get("type")) == ("<neg & ative>", "ACTION_FAILED")  # type: ignore[union-attr]


@needs_node
def test_exact_allows_nothing_else(tmp_path: Path) -> None:
    more = {"a": 1, "b": [2]}
    project = project_at(
        tmp_path,
        case("all", 4, {"root": 2, "whole": True, "more": more}, match="exact"),
        case("part", 4, {"root": 2, "more": {"a": 1}}, match="exact"),
    )
    ran = project.run("test", "--local", "--format", "json").ok(1)
    assert outcomes(ran) == {"all": "passed", "part": "failed"}
    assert one(ran, "part")["differences"] == [
        {"path": "more.b", "actual": [2]},
        {"path": "whole", "actual": True},
    ]
    assert "more.b: [2] was not expected" in project.run("test", "--local").ok(1).out


@needs_node
def test_narrowing(tmp_path: Path) -> None:
    project = project_at(tmp_path, FOUR, case("Nine", 9, {"root": 3}))
    project.put("other.yaml", action("other", tests=[case("sixteen", 16, {"root": 4})]), action("silent"))

    def names(*arguments: str) -> set[str]:
        return set(outcomes(project.run("test", "--local", "--format", "json", *arguments).ok(0)))

    assert names() == {"four", "Nine", "sixteen"}
    assert names("root") == names("DataAction/root") == names("ro*") == {"four", "Nine"}
    assert names("DataAction/o*", "root") == {"four", "Nine", "sixteen"}
    assert names("-k", "N") == {"Nine", "sixteen"}
    assert names("-k", "n*") == {"Nine"}
    assert names("-k", "nine", "root") == {"Nine"}
    assert "0 passed" not in project.run("test", "--local", "silent").ok(0).out


def test_what_matches_nothing(tmp_path: Path) -> None:
    project = project_at(tmp_path, FOUR)
    assert "did you mean" in project.run("test", "--local", "rot").ok(64).err
    assert "no test's name matches five" in project.run("test", "--local", "-k", "five").ok(64).err
    assert "FORMAT one of text, json, junit" in project.run("test", "--report", "html=x").ok(64).err


def test_a_project_without_tests(tmp_path: Path) -> None:
    assert project_at(tmp_path).run("test").ok(0).out == "no data action declares a test\n"


@needs_node
def test_the_sample_projects_own_tests(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "sample", ignore=shutil.ignore_patterns(".reconciler"))
    project = Project(tmp_path / "sample")
    assert "5 passed" in project.run("test", "--local").ok(0).out
    project.apply()
    assert "5 passed" in project.run("test").ok(0).out


@needs_node
def test_what_the_page_shows(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "sample", ignore=shutil.ignore_patterns(".reconciler"))
    project = Project(tmp_path / "sample")
    blocks = re.findall(r"```console\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert len(commands) == 5
    for words in commands:
        assert words.pop(0) == "reconciler"
        project.run(*words).ok(0)
    assert (project.root / "actions.xml").exists()


def test_starting_it_costs_no_heavy_import() -> None:
    code = (
        "import sys, reconciler.cli.test; print([m for m in ('starlette', 'httpx2', 'pydantic') if m in sys.modules])"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True).stdout
        == "[]\n"
    )
