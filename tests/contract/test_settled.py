"""A plan of what was settled before is known without decoding anything; whatever moves since, it is the plan that it always was."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from reconciler.core import codec
from reconciler.engine.memory.resources import Rows
from reconciler.engine.state import ledger as ledger_module
from tests.support.damage import CONTENT, PLACES
from tests.support.emulator import running_emulator
from tests.support.project import API_VERSION, Project
from tests.support.tenant_project import DATASETS, Setting, dataset

CLOCK = ("created", "expires", "planDigest")
"""What depends on when a plan was made."""


@pytest.fixture
def setting(tmp_path: Path) -> Iterator[Setting]:
    """A project that is applied, and planned once since: the plan was empty."""
    with running_emulator() as emulator:
        found = Setting.make(tmp_path.resolve() / "project", emulator, prune=True)
        found.chain()
        found.project.apply()
        found.project.converged()
        yield found


@pytest.fixture
def decoded() -> Iterator[list[str]]:
    """What was decoded: resources as they are declared, entries of the ledger."""
    told: list[str] = []
    rows, entries = Rows.read, ledger_module.entries_from_json

    def reading(self: Rows, found: Any) -> Any:
        told.append("resources")
        return rows(self, found)

    def decoding(data: Any) -> Any:
        if data:
            told.append("entries")
        return entries(data)

    with ExitStack() as stack:
        stack.enter_context(patch.object(Rows, "read", reading))
        for module in (codec, ledger_module):
            stack.enter_context(patch.object(module, "entries_from_json", decoding))
        yield told


def said(project: Project, *options: str) -> tuple[int, dict[str, Any]]:
    """A plan and how it ended, without its times."""
    ran = project.run("plan", "--format", "json", "--detailed-exitcode", *options)
    plan = json.loads(ran.out)
    return ran.code, {name: value for name, value in plan.items() if name not in CLOCK} | {
        "header": {name: value for name, value in plan.get("header", {}).items() if name not in CLOCK}
    }


def afresh(project: Project, *options: str) -> tuple[int, dict[str, Any]]:
    """The same plan where nothing is remembered."""
    shutil.rmtree(project.root / ".reconciler" / "cache")
    return said(project, *options)


def test_nothing_is_decoded_and_the_plan_is_the_same(setting: Setting, decoded: list[str]) -> None:
    mark = setting.mark
    found = said(setting.project)
    assert decoded == []
    requests = len(setting.emulator.requests(mark))
    mark = setting.mark
    assert found == afresh(setting.project)
    assert found[0] == 0
    assert found[1]["unchanged"] == 4
    assert len(setting.emulator.requests(mark)) == requests


def _declares(setting: Setting) -> None:
    setting.project.put("more.yaml", dataset("more"))


def _drops(setting: Setting) -> None:
    setting.project.put("all.yaml", dataset("beside"))


def _edits_code(setting: Setting) -> None:
    setting.project.write("code/index.js", "module.exports = async () => ({other: true});\n")


def _rotates(setting: Setting) -> None:
    setting.project.environ["SECRET_ONE"] = "second-secret-value"


def _loses_secret(setting: Setting) -> None:
    del setting.project.environ["SECRET_ONE"]


def _console_edits(setting: Setting) -> None:
    setting.edit("Dataset", "beside", description="console was here")


def _console_edits_undeclared(setting: Setting) -> None:
    setting.edit("EventStream", "calls", description="console was here")


def _console_deletes(setting: Setting) -> None:
    setting.remove("EventStream", "calls")


def _console_adds(setting: Setting) -> None:
    setting.create(DATASETS, {"name": "theirs", "primaryKey": "id", "columns": {"id": "string"}})


def _forgets(setting: Setting) -> None:
    setting.project.run("forget", "Dataset/beside").ok()


def _loses_ledger(setting: Setting) -> None:
    (setting.project.state / "ledger.json").unlink()


def _edits_ledger(setting: Setting) -> None:
    path = setting.project.state / "ledger.json"
    path.write_bytes(path.read_bytes().replace(b'"first"', b'"other"'))


@pytest.mark.parametrize(
    "move",
    [
        *(_declares, _drops, _edits_code, _rotates, _loses_secret),
        *(_console_edits, _console_edits_undeclared, _console_deletes, _console_adds),
        *(_forgets, _loses_ledger, _edits_ledger),
    ],
)
def test_whatever_moves_is_seen(setting: Setting, move: Callable[[Setting], None], decoded: list[str]) -> None:
    move(setting)
    mark = setting.mark
    found = said(setting.project)
    requests = len(setting.emulator.requests(mark))
    assert decoded or move is _loses_ledger
    mark = setting.mark
    assert found == afresh(setting.project)
    assert len(setting.emulator.requests(mark)) == requests, "no listing is asked for twice"


@pytest.mark.parametrize("how", [*CONTENT, *PLACES, "another version"])
def test_damage_hides_nothing_and_is_mended(setting: Setting, decoded: list[str], how: str) -> None:
    project = setting.project
    [path] = (project.root / ".reconciler" / "cache").glob("settled-*")
    whole = path.read_bytes()
    if how == "another version":
        path.write_bytes(whole.replace(b"reconciler ", b"reconciler 99 ", 1))
    else:
        (CONTENT | PLACES)[how](path)
    setting.edit("Dataset", "beside", description="console was here")
    assert [item["key"] for item in project.plan()["changes"]] == ["Dataset/beside"]
    project.apply()
    assert said(project)[1]["unchanged"] == 4
    if how != "a folder":
        assert path.is_file()
        decoded.clear()
        assert said(project)[1]["unchanged"] == 4
        assert decoded == []


@pytest.mark.parametrize(
    "options",
    [
        ("--write-secret", "DataAction/enrich"),
        ("--only", "Dataset/*"),
        ("--exclude", "Dataset/*"),
        ("manifests/all.yaml",),
        ("--prune",),
        ("--no-prune",),
    ],
)
def test_options_ask_for_what_they_always_did(setting: Setting, options: tuple[str, ...]) -> None:
    assert said(setting.project, *options) == afresh(setting.project, *options)


def test_what_leaves_something_to_say_is_not_settled(setting: Setting, decoded: list[str]) -> None:
    """An orphan is told of each time."""
    setting.project.put("all.yaml", dataset("beside"))
    for _ in range(2):
        decoded.clear()
        assert len(said(setting.project, "--no-prune")[1]["orphans"]) == 3
        assert "entries" in decoded


def test_an_interrupted_apply_is_told_of_all_the_same(setting: Setting, decoded: list[str]) -> None:
    setting.project.put("all.yaml", dataset("beside", description="second"))
    setting.fault("PATCH", f"{DATASETS}/*", status=500)
    setting.project.apply("--no-prune", code=1)
    setting.heal()
    setting.chain()
    said(setting.project)
    decoded.clear()
    code, plan = said(setting.project)
    assert (code, plan["changes"]) == (0, [])
    assert decoded == []


def test_apply_of_what_is_settled_writes_nothing(setting: Setting, decoded: list[str]) -> None:
    mark = setting.mark
    ran = setting.project.apply()
    assert setting.writes(mark) == []
    assert "resources" not in decoded
    assert "4 unchanged" in ran.out


def test_a_mistake_in_what_guards_are_written_in_is_found(tmp_path: Path) -> None:
    project = Project.create(tmp_path.resolve() / "project", guards={"rules": ["guards"]})
    project.put("all.yaml", dataset("people"))
    rule = {"code": "P-any", "require": "true", "message": "never"}
    body = {"apiVersion": API_VERSION, "kind": "GuardRules", "metadata": {"name": "g"}, "spec": {"rules": [rule]}}
    project.write("guards/house.yaml", json.dumps(body))
    project.apply()
    project.converged()
    assert said(project)[0] == 0
    project.write("guards/house.yaml", json.dumps(body).replace("true", "chnge"))
    assert "error[P" in project.run("plan").ok(78).err


def test_a_tenant_without_tags_is_always_looked_at(tmp_path: Path, decoded: list[str]) -> None:
    target = {"api": {"concurrency": {"style": "compare"}}}
    project = Project.create(tmp_path.resolve() / "project", target=target)
    project.put("all.yaml", dataset("people"))
    project.apply()
    for _ in range(2):
        decoded.clear()
        project.converged()
        assert decoded
