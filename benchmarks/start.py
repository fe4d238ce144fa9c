"""How long the command line takes to start, against the interpreter importing click (docs/performance.md, row "start")."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import median, store, table

COMMAND = [sys.executable, "-m", "reconciler"]
MANIFEST = """\
apiVersion: cxone.reconciler/v1
kind: Dataset
metadata:
  name: dataset-{n}
spec:
  description: Tickets of team {n}
  primaryKey: external_id
  columns:
    external_id: string
    priority: number
    resolved: boolean
    resolved_date: date
"""


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "reconciler.yaml").write_text(
            "apiVersion: cxone.reconciler/v1\nkind: Project\nmetadata: {name: start}\nspec: {manifests: [manifests]}\n"
        )
        (project / "manifests").mkdir()
        for n in range(10):
            (project / "manifests" / f"{n}.yaml").write_text(MANIFEST.format(n=n))
        base = median([sys.executable, "-c", "import click"], 9)
        rows = []
        for name, command, limit in (
            ("reconciler --help", [*COMMAND, "--help"], 1.5),
            ("reconciler validate (10 files)", [*COMMAND, "validate", "-C", folder], 6.0),
        ):
            found = median(command, 9)
            assert found.code == 0, found.stderr
            rows.append((name, found.seconds, found.seconds / base.seconds, limit))
        table(
            "Start",
            ("command", "seconds", "× import click", "allowed"),
            [("import click", base.seconds, 1.0, ""), *rows],
        )
        store("start", {"import click": base.seconds, **{row[0]: row[1] for row in rows}})


if __name__ == "__main__":
    main()
