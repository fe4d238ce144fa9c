"""The README's tour is run as it is written, and what it shows exists."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def tour_commands() -> list[tuple[str, int]]:
    """Commands of the tour's console blocks with the exit code that each is said to have."""
    tour = README.split("## Five-minute tour")[1].split("\n## ")[0]
    lines = [line[2:] for block in re.findall(r"```console\n(.*?)```", tour, re.DOTALL) for line in block.splitlines()]
    found = []
    for line in lines:
        command, _, said = line.partition("  # exit ")
        found.append((command, int(said or 0)))
    return found


def test_the_tour_runs_as_written(tmp_path: Path) -> None:
    commands = tour_commands()
    assert len(commands) > 15
    where = tmp_path
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RECONCILER_")}
    for command, expected in commands:
        words = shlex.split(command)
        if words[0] == "cd":
            where = where / words[1]
            continue
        if words[0] == "rm":
            (where / words[1]).unlink()
            continue
        assert words[0] == "reconciler", command
        done = subprocess.run(
            [sys.executable, "-m", "reconciler", *words[1:]],
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == expected, (command, done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr


def test_the_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_every_dependency_has_a_reason() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    block = text.split("dependencies = [")[1].split("]")[0]
    table = README.split("## Dependencies, and why")[1]
    for name in re.findall(r'"([\w.-]+)[>=]', block):
        assert name in table, name


def test_make_is_what_the_first_command_needs() -> None:
    assert shutil.which("make") is not None
