"""What docs/guards.md shows is run as it is written there, and its tables are what the code says."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from reconciler.core.guard_codes import GUARDS, acknowledgement_form
from reconciler.core.guard_view import CHANGE_FIELDS, COMMON, PLAN_FIELDS
from reconciler.loading.cel import FUNCTIONS, LONGEST
from tests.support.project import Project

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "guards.md").read_text(encoding="utf-8")
FILE = re.compile(r"`([\w/.-]+\.yaml)`:\n\n```yaml\n(.*?)```", re.DOTALL)
CONSOLE = re.compile(r"```console\n(.*?)```", re.DOTALL)


def run_block(project: Project, block: str) -> int:
    """Run the commands of a block; ``...`` stands for any lines, ``# exits N`` for another code than 0."""
    commands = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    for text in commands:
        line, _, expected = text.partition("\n")
        command, _, note = line.partition("   # exits ")
        name, *words = shlex.split(command)
        assert name == "reconciler"
        out = project.run(*words).ok(int(note or 0)).out
        pattern = "".join(
            r"(?:.*\n)*?" if part == "..." else re.escape(part) + r"\n" for part in expected.rstrip("\n").splitlines()
        )
        assert re.fullmatch(pattern, out if out.endswith("\n") else f"{out}\n"), (command, out)
    return len(commands)


def test_the_walk_through(tmp_path: Path) -> None:
    project = Project(tmp_path)
    parts = sorted([*FILE.finditer(PAGE), *CONSOLE.finditer(PAGE)], key=lambda match: match.start())
    project.write(
        "acknowledgements.yaml",
        "apiVersion: cxone.reconciler/v1\nkind: Acknowledgements\nmetadata:\n  name: accepted\nspec:\n  acknowledgements: []\n",
    )
    ran = 0
    for part in parts:
        if part.re is FILE:
            project.write(part[1], part[2])
        else:
            ran += run_block(project, part[1])
    assert ran == 7
    project.run("validate").ok(0)
    project.run("fmt", "--check").ok(0)


def test_the_tables_are_what_the_code_says() -> None:
    for rule in GUARDS:
        accepted = f"`{form}`" if (form := acknowledgement_form(rule.code)) else "nothing"
        assert f"| `{rule.code}` | {rule.title} | {accepted} |" in PAGE
    for fields in (CHANGE_FIELDS, PLAN_FIELDS, COMMON):
        for name, (kind, meaning) in fields.items():
            assert f"| `{name}` | `{kind}` | {meaning} |" in PAGE
    for name in (
        "size",
        "contains",
        "startsWith",
        "endsWith",
        "matches",
        "has",
        "all",
        "exists",
        "exists_one",
        "map",
        "filter",
    ):
        assert name in FUNCTIONS
        assert f"`{name}`" in PAGE
    assert f"at most {LONGEST:,} characters" in PAGE
