"""``reconciler test`` on this machine, on the embedded target and on servers: bundles, secrets, environments, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.action_tests import (
    FOUR,
    NEGATIVE,
    SOURCE,
    action,
    case,
    needs_node,
    one,
    passing_at,
    project_at,
)
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.project import Project


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
    assert "DataAction/root is not in the tenant yet\n          fix: `reconciler apply -t local` first" in ran.out


@needs_node
def test_another_bundle_in_the_tenant_is_said(tmp_path: Path) -> None:
    passing = passing_at(tmp_path)
    passing.write("actions/root/index.js", SOURCE.replace("Math.sqrt(inputs.n),", "7,"))
    ran = passing.run("test").ok(0)
    assert (
        "warning: the tenant runs another bundle than your working tree has: `reconciler apply -t local` first"
        in ran.out
    )
    passing.apply()
    assert "warning" not in passing.run("test").ok(1).out


@needs_node
def test_an_action_of_that_name_is_found_without_a_ledger(tmp_path: Path) -> None:
    passing = passing_at(tmp_path)
    for file in passing.state.glob("ledger*"):
        file.unlink()
    passing.run("test").ok(0)


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
    assert "fix: install Node.js 18 or newer" in ran.out


def test_what_all_tests_lack_is_told_once_to_people_and_each_time_to_machines(tmp_path: Path) -> None:
    project = Project.create(tmp_path)
    project.write("actions/root/index.js", SOURCE)
    project.put("action.yaml", action("other", tests=[FOUR, NEGATIVE]), action(tests=[FOUR]))
    ran = project.run("test", "--local", PATH="/nowhere").ok(1)
    assert ran.out.count("RUNTIME_UNAVAILABLE: actions can't be executed here") == 1
    assert ran.out.count("fix: install Node.js 18 or newer") == 1
    assert ran.out.count("RUNTIME_UNAVAILABLE: as in ") == 2
    assert "RUNTIME_UNAVAILABLE: as in four\n" in ran.out, "within an action the test's name is enough"
    assert "RUNTIME_UNAVAILABLE: as in DataAction/other: four\n" in ran.out
    report = project.run("test", "--local", "--format", "junit", PATH="/nowhere").ok(1)
    assert report.out.count("fix: install Node.js 18 or newer") == 3


FIXES = [
    ("async () => ({root: 'x', key: 5})", {}, "OUTPUT_INVALID", "fix: correct the code, or what outputs declares"),
    (
        "async () => new Promise((_) => setTimeout(_, 9e6))",
        {"timeoutSeconds": 1},
        "EXECUTION_TIMEOUT",
        "timeoutSeconds",
    ),
    ("async () => ({root: 1, key: 'x'.repeat(2e6)})", {}, "OUTPUT_TOO_LARGE", "1 MiB"),
    ("async () => require('nowhere')", {}, "Cannot find module", "node_modules"),
]


@needs_node
@pytest.mark.parametrize(("code", "more", "reason", "fix"), FIXES)
def test_what_can_be_mended_is_told_once_with_the_way_to(
    tmp_path: Path, code: str, more: dict[str, Any], reason: str, fix: str
) -> None:
    project = Project.create(tmp_path)
    project.write("actions/root/index.js", f"module.exports = {code};")
    project.put("action.yaml", action(tests=[FOUR], **more))
    ran = project.run("test", "--local").ok(1)
    assert fix in ran.out
    assert ran.out.count(reason) == 1
    assert ran.out.count("not of type") <= 2, "one for each output that is wrong"
    report = project.run("test", "--local", "--format", "json").ok(1)
    assert fix.removeprefix("fix: ") in one(report, "four")["fix"]


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
