"""``reconciler test``: the declared tests of data actions, on targets and on this machine."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.project import Project, Ran, manifest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "jobs" / "action-tests.md"

needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="Node.js is not installed: actions can't run here")

SOURCE = """
module.exports = async (context, inputs) => {
  context.logger.info('asked', {n: inputs.n});
  if (inputs.n < 0) throw new RangeError(`no root of ${inputs.n}`);
  return {root: Math.sqrt(inputs.n), whole: Number.isInteger(Math.sqrt(inputs.n)), key: process.env.KEY, more: {a: 1, b: [2]}};
};
"""

OUTPUTS = {
    "properties": {
        "root": {"type": "number"},
        "whole": {"type": "boolean"},
        "key": {"type": "string"},
        "more": {"type": "object"},
    }
}


def action(name: str = "root", code: str = "actions/root", **more: Any) -> dict[str, Any]:
    spec = {
        "runtime": "nodejs20",
        "code": {"path": code},
        "inputs": {"properties": {"n": {"type": "number"}}, "required": ["n"]},
        "outputs": OUTPUTS,
    }
    return manifest("DataAction", name, spec | more)


def case(name: str, n: float, expect: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": name, "inputs": {"n": n}, "expect": expect} | more


FOUR = case("four", 4, {"root": 2, "whole": True})
WRONG = case("wrong", 2, {"root": 1, "whole": True, "more": {"b": [3]}})
NEGATIVE = case("negative", -1, {"root": 1})


def project_at(root: Path, *tests: dict[str, Any], **more: Any) -> Project:
    project = Project.create(root, **more)
    project.write("actions/root/index.js", SOURCE)
    project.put("action.yaml", action(tests=list(tests)))
    return project


@pytest.fixture
def passing(tmp_path: Path) -> Project:
    project = project_at(tmp_path, FOUR, case("Nine", 9, {"root": 3.0, "key": None}))
    project.apply()
    return project


def outcomes(ran: Ran) -> dict[str, str]:
    return {test["name"]: test["outcome"] for suite in ran.json["actions"] for test in suite["tests"]}


def one(ran: Ran, name: str) -> dict[str, Any]:
    (found,) = [test for suite in ran.json["actions"] for test in suite["tests"] if test["name"] == name]
    return dict(found)


@needs_node
def test_all_pass(passing: Project) -> None:
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
def test_on_this_machine_it_needs_no_apply_and_leaves_nothing(tmp_path: Path) -> None:
    project = project_at(tmp_path, FOUR)
    before = dict(project.kept())
    ran = project.run("test", "--local").ok(0)
    assert "on this machine: 1 passed" in ran.out
    assert {
        path for path in dict(project.kept()).keys() - before.keys() if ".reconciler/cache" not in str(path)
    } == set()
    project.write("actions/root/index.js", SOURCE.replace("Math.sqrt(inputs.n),", "7,"))
    assert "root: expected 2, got 7" in project.run("test", "--local").ok(1).out


def test_what_is_not_applied_is_said(tmp_path: Path) -> None:
    ran = project_at(tmp_path, FOUR).run("test").ok(1)
    assert "DataAction/root is not in the tenant yet: `reconciler apply -t local` first" in ran.out


@needs_node
def test_another_bundle_in_the_tenant_is_said(passing: Project) -> None:
    passing.write("actions/root/index.js", SOURCE.replace("Math.sqrt(inputs.n),", "7,"))
    ran = passing.run("test").ok(0)
    assert (
        "warning: the tenant runs another bundle than your working tree has: `reconciler apply -t local` first"
        in ran.out
    )
    passing.apply()
    assert "warning" not in passing.run("test").ok(1).out


@needs_node
def test_an_action_of_that_name_is_found_without_a_ledger(passing: Project) -> None:
    for file in passing.state.glob("ledger*"):
        file.unlink()
    passing.run("test").ok(0)


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
@pytest.mark.parametrize("where", [(), ("--local",)])
def test_secrets_are_not_shown(tmp_path: Path, where: tuple[str, ...]) -> None:
    leaking = SOURCE.replace("'asked', {n: inputs.n}", "'key ' + process.env.KEY, {key: process.env.KEY}")
    project = Project.create(tmp_path)
    project.write("actions/root/index.js", leaking.replace("no root of", "no root with ${process.env.KEY} of"))
    tests = [case("wrong", 4, {"key": "other"}), NEGATIVE]
    project.put("action.yaml", action(tests=tests, environment={"KEY": "${secret:env:ROOT_KEY}"}))
    project.environ["ROOT_KEY"] = "canary-in-the-output"
    project.apply()
    for form in ("text", "json", "junit"):
        ran = project.run("test", "--format", form, "-vvv", *where).ok(1)
        assert "canary" not in ran.all
        assert "(secret)" in ran.out


@needs_node
def test_a_secret_out_of_reach_leaves_its_variable_out(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.write("actions/root/index.js", SOURCE)
    tests = [case("four", 4, {"key": None})]
    project.put("action.yaml", action(tests=tests, environment={"KEY": "${secret:vault:kv/root#key}"}))
    ran = project.run("test", "--local").ok(0)
    assert "warning: KEY is not set: the secret vault:kv/root#key is out of reach here" in ran.out


@needs_node
def test_an_environment_that_refers_to_what_is_live(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.write("actions/root/index.js", SOURCE)
    other = action("other", outputs={"properties": {}})
    tests = [case("four", 4, {"key": "dataaction-other-id"})]
    project.put("action.yaml", other, action(tests=tests, environment={"KEY": "${ref:DataAction/other.id}"}))
    project.run("test", "--local").ok(0)
    project.apply()
    live = project.entries["DataAction/other"]["id"]
    assert f'key: expected "dataaction-other-id", got "{live}"' in project.run("test").ok(1).out


def test_without_node_it_says_so(tmp_path: Path) -> None:
    ran = project_at(tmp_path, FOUR).run("test", "--local", PATH="/nowhere").ok(1)
    assert "RUNTIME_UNAVAILABLE: actions can't be executed here: there is no Node.js on this machine" in ran.out


@needs_node
def test_modules_and_environment_of_the_embedded_target(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.write("node_modules/magic/index.js", "module.exports = 7;")
    project.write(".reconciler/local/action.env", "KEY=from the tenant\n")
    project.write(
        "actions/root/index.js", "module.exports = async () => ({root: require('magic'), key: process.env.KEY});"
    )
    project.put("action.yaml", action(tests=[case("both", 1, {"root": 7, "key": "from the tenant"})]))
    project.run("test", "--local").ok(0)
    project.apply()
    project.run("test").ok(0)


@pytest.fixture
def remote() -> Iterator[RunningEmulator]:
    with running_emulator() as emulator:
        yield emulator


@needs_node
def test_on_a_server(tmp_path: Path, remote: RunningEmulator) -> None:
    project = project_at(tmp_path, *[case(f"test {n}", n * n, {"root": n}) for n in range(8)], url=remote.url)
    project.apply()
    since = remote.requests()[-1]["seq"]
    assert "8 tests of 1 action on target local: 8 passed" in project.run("test").ok(0).out
    paths = [request["path"].rpartition("/")[2] for request in remote.requests(since)]
    assert sorted(paths) == sorted(["token", project.entries["DataAction/root"]["id"], *["execute"] * 8])


@needs_node
def test_a_lost_answer_is_not_asked_for_again(tmp_path: Path, remote: RunningEmulator) -> None:
    project = project_at(tmp_path, FOUR, url=remote.url)
    project.apply()
    rule = {"match": {"path": "*/execute"}, "times": 1, "effect": {"drop": "after"}}
    remote.control("POST", "faults", {"rules": [rule]})
    ran = project.run("test", "--format", "json").ok(1)
    assert one(ran, "four")["code"] == "H002"
    assert sum(request["path"].endswith("execute") for request in remote.requests()) == 1


def test_a_client_that_may_not_execute(tmp_path: Path) -> None:
    from reconciler.emulator import parse_client

    clients = (parse_client("local:local-secret:data:actions:read,data:actions:write"),)
    with running_emulator(clients=clients) as emulator:
        project = project_at(tmp_path, FOUR, url=emulator.url)
        ran = project.run("test").ok(3)
    assert "data:actions:execute" in ran.err


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
