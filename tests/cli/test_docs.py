"""What the documentation shows is run as it is written there."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import reconciler.emulator.kinds as emulator_kinds
import reconciler.kinds as product_kinds
from tests.support.project import Project, manifest
from tests.support.tenant_project import dataset

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def team(tmp_path: Path) -> Iterator[None]:
    """The two files that "How to add a kind" shows, dropped where it says."""
    text = (DOCS / "architecture.md").read_text(encoding="utf-8").partition("## How to add a kind")[2]
    blocks = re.findall(r"`(reconciler/[\w/]+/)team\.py`.*?```python\n(.*?)```", text, re.DOTALL)
    packages: dict[str, ModuleType] = {
        "reconciler/kinds/": product_kinds,
        "reconciler/emulator/kinds/": emulator_kinds,
    }
    assert [folder for folder, _ in blocks] == list(packages)
    for folder, code in blocks:
        place = tmp_path / "dropped" / folder
        place.mkdir(parents=True)
        (place / "team.py").write_text(code, encoding="utf-8")
        packages[folder].__path__.append(str(place))
    emulator_kinds.all_kinds.cache_clear()
    yield
    for package in packages.values():
        package.__path__.pop()
        sys.modules.pop(f"{package.__name__}.team", None)
        vars(package).pop("team", None)
    emulator_kinds.all_kinds.cache_clear()


@pytest.mark.usefixtures("team")
def test_how_to_add_a_kind(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project", prune=True)
    project.put("people.yaml", dataset("people"))
    project.put("team.yaml", manifest("Team", "nordic", {"members": ["ben", "anna"], "datasetRef": "people"}))
    assert "Agents who answer together." in project.run("explain", "Team").ok().out
    assert "#datasetRef:" in project.run("new", "Team", "claims").ok().out
    assert "Team.json" in project.run("schema").ok().err
    assert [change["key"] for change in project.plan()["changes"]] == ["Dataset/people", "Team/nordic"]
    project.apply()
    project.converged()
    edit = {"kind": "Team", "name": "nordic", "patch": {"members": ["anna", "ben", "eve"]}, "by": "eve@console"}
    project.control("POST", "edit", edit)
    assert "eve@console" in project.run("drift").ok(2).out
    project.apply()
    assert "Team" in project.run("doctor").ok().out
    project.clear()
    project.put("people.yaml", dataset("people"))
    project.apply("--allow", "G002")
    assert project.control("GET", "state")["counts"]["Team"] == 0
    project.put("team.yaml", manifest("Team", "nordic", {"members": "anna", "datasetRef": "peple"}))
    assert "did you mean" in project.run("validate").ok(78).out


def test_the_sample_projects_own_page(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "manifests", tmp_path / "manifests", ignore=shutil.ignore_patterns(".reconciler"))
    page = (ROOT / "manifests" / "README.md").read_text(encoding="utf-8")
    commands = [
        line.split() for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL) for line in block.splitlines()
    ]
    assert len(commands) == 3
    for words in commands:
        assert words.pop(0) == "reconciler"
        Project(tmp_path).run(*words).ok(0)
    assert Project(tmp_path / "manifests").run("plan", "--detailed-exitcode").ok(0)


def test_commands_that_the_pages_mention_exist() -> None:
    """Options and commands in running text (`reconciler plan --prune`) are those that there are."""
    from click import Context, Group

    from reconciler.cli.main import COMMANDS, cli

    root = Context(cli)
    pages = [*DOCS.rglob("*.md"), ROOT / "README.md", ROOT / "manifests" / "README.md"]
    seen = 0
    for page in pages:
        for line in re.findall(r"(?:`|\$ )(?:reconciler )([a-z]+(?: [^`\n#|]*)?)", page.read_text(encoding="utf-8")):
            name, *words = line.split()
            assert name in COMMANDS, (page.name, line)
            command = cli.get_command(root, name)
            if isinstance(command, Group) and words and not words[0].startswith("-"):
                command = command.get_command(root, words[0])
            assert command is not None, (page.name, line)
            options = {text for item in command.params for text in (*item.opts, *item.secondary_opts)} | {
                "--help",
                "-h",
            }
            unknown = [word for word in words if word.startswith("-") and word.partition("=")[0] not in options]
            assert not unknown, (page.name, line)
            seen += 1
    assert seen > 20
