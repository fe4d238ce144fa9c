"""The pages about exports and promotion, followed as they stand there: their files are written, their commands run."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.support.project import Project, Ran

DOCS = Path(__file__).resolve().parents[2] / "docs"
_STEP = re.compile(r"`([\w/.-]+\.yaml)`:\n\n```yaml\n(.*?)```|```console\n(.*?)```", re.DOTALL)


def _followed(project: Project, page: str, codes: dict[str, int]) -> Iterator[tuple[str, Ran]]:
    """Do what a page says, one command at a time; ``codes`` are those that end with something else than 0."""
    for file, text, commands in _STEP.findall((DOCS / page).read_text(encoding="utf-8")):
        if file:
            project.write(file, text)
        for line in commands.splitlines():
            words = shlex.split(line)
            assert words.pop(0) == "reconciler"
            yield line, project.run(*words).ok(codes.get(line, 0))


def test_promotion(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.environ["CRM_API_KEY"] = "quite-secret-value"
    ran = list(_followed(project, "promotion.md", {}))
    assert len(ran) == 11
    compared = [found for line, found in ran if line.startswith("reconciler diff")]
    assert compared[0].out.startswith("0 added, 1 changed, 0 removed (1 unchanged)")
    assert "endpointUrl" in compared[0].out
    assert "syncSettings.syncIntervalMinutes" in compared[0].out
    assert compared[1].out.startswith("0 added, 1 changed, 0 removed (0 unchanged)")
    assert "columns.tier" in compared[1].out
    assert compared[2].out.startswith("No difference.")
    assert "quite-secret-value" not in "".join(found.all for _, found in ran)


def test_export(tmp_path: Path) -> None:
    project = Project.create(tmp_path / "project")
    project.write("actions/find/index.js", "module.exports = async () => ({});\n")
    project.control("POST", "seed", {"seed": 1, "resources": 40})
    ran = list(_followed(project, "export.md", {}))
    assert len(ran) == 6
    said = dict(ran)
    assert "Wrote " in said["reconciler export"].out
    assert said["reconciler plan --detailed-exitcode"].out.startswith("No changes.")
    assert "Nothing to export" in said["reconciler export --kind Dataset --only Dataset/orders* --dry-run"].out
    assert "Wrote " in said["reconciler export --overwrite"].out
    project.plan("--detailed-exitcode")
