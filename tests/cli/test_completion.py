"""What the shell completes, asked for as bash, zsh and fish ask."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconciler.cli.main import cli
from tests.support.project import Project, manifest
from tests.support.tenant_project import dataset

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project.create(tmp_path / "project")
    made.write(
        "reconciler.yaml",
        "apiVersion: cxone.reconciler/v1\nkind: Project\nmetadata: {name: demo}\n"
        "spec: {targets: {prod: {url: 'https://x.example', auth: {clientId: a, clientSecret: '${secret:env:S}'}}}}\n",
    )
    made.put("people.yaml", dataset("people"), dataset("places"))
    made.put("broken.yaml", manifest("Connector", "crm", {"nonsense": 1}))
    return made


def complete(project: Project, *words: str, shell: str = "fish") -> list[str]:
    """What is offered for the last of the words."""
    line = " ".join(("reconciler", *words))
    asked = {"_RECONCILER_COMPLETE": f"{shell}_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
    done = subprocess.run(
        [sys.executable, "-m", "reconciler"],
        cwd=project.root,
        env={**os.environ, **asked, **({"COMP_CWORD": words[-1]} if shell == "fish" else {})},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    found = [line for line in done.stdout.splitlines() if line]
    return [line.partition(",")[2].partition("\t")[0] for line in found] if shell != "zsh" else found[1::3]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_keys_of_all_manifests_even_of_wrong_ones(project: Project, shell: str) -> None:
    assert complete(project, "plan", "--only", "", shell=shell) == ["Connector/crm", "Dataset/people", "Dataset/places"]
    assert complete(project, "adopt", "Dataset/pe", shell=shell) == ["Dataset/people"]


def test_targets(project: Project) -> None:
    assert complete(project, "plan", "--target", "") == ["local", "prod"]
    assert complete(project, "drift", "-t", "p") == ["prod"]


def test_what_is_owned_comes_from_the_ledger(project: Project) -> None:
    assert complete(project, "forget", "") == []
    (project.root / "manifests" / "broken.yaml").unlink()
    project.apply("--only", "Dataset/people")
    assert complete(project, "forget", "") == ["Dataset/people"]
    assert complete(project, "ledger", "show", "D") == ["Dataset/people"]


def test_kinds_codes_and_commands(project: Project) -> None:
    assert complete(project, "new", "Con") == ["Connector", "ConnectorSync"]
    assert complete(project, "explain", "G00")[:2] == ["G000", "G001"]
    assert complete(project, "pl") == ["plan"]


def test_another_folder_is_looked_into_and_none_is_no_error(project: Project, tmp_path: Path) -> None:
    elsewhere = Project(tmp_path)
    assert complete(elsewhere, "plan", "--only", "") == []
    assert complete(elsewhere, "plan", "-C", "project", "--only", "Conn") == ["Connector/crm"]


def test_the_lines_of_the_documentation_are_those_that_work() -> None:
    page = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    variables = re.findall(r"(_\w+_COMPLETE)=(\w+)_source reconciler", page)
    assert [shell for _, shell in variables] == ["bash", "zsh", "fish"]
    for variable, shell in variables:
        done = subprocess.run(
            [sys.executable, "-m", "reconciler"],
            env={**os.environ, variable: f"{shell}_source"},
            capture_output=True,
            text=True,
            check=True,
        )
        assert f"{variable}={shell}_complete" in done.stdout


def test_every_option_and_argument_that_takes_a_key_is_completed() -> None:
    import click

    context = click.Context(cli)
    commands = {name: cli.get_command(context, name) for name in cli.list_commands(context)}
    commands |= {f"ledger {name}": inner for name, inner in commands["ledger"].commands.items()}
    keyed = {"key", "adopt", "write_secrets", "only", "exclude", "target"}
    plain = click.Option(["--x"])._custom_shell_complete
    bare = {
        f"{name} {parameter.name}"
        for name, command in commands.items()
        for parameter in command.params
        if parameter.name in keyed and parameter._custom_shell_complete is plain
    }
    assert bare == set()
