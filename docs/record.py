"""Make the README's picture from real output: the sample project is applied, somebody edits the tenant, and plan is run.

Run as ``python -m docs.record``; it writes ``docs/recording.svg``. Times differ from run to run, so it is not checked in CI.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import anyio
from rich.console import Console
from rich.text import Text

from reconciler.cli.demo import sample_folder
from reconciler.cli.rendering import plan_as
from reconciler.emulator.inprocess import control
from reconciler.engine.planner import Request
from reconciler.engine.session import Session
from reconciler.engine.tenant import embedded_app

OUT = Path(__file__).resolve().parent / "recording.svg"
WIDTH = 112


def run(project: Path, *arguments: str) -> str:
    """Run one command of the tool; returns its stdout."""
    done = subprocess.run(
        [sys.executable, "-m", "reconciler", *arguments],
        cwd=project,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def edit(project: Path) -> None:
    """Change the connector as somebody would in the console."""
    body = {
        "kind": "Connector",
        "name": "fjordline-crm",
        "patch": {"endpointUrl": "https://crm-test.fjordline.example/api/v3"},
        "by": "maria@console",
    }
    app = embedded_app(project, "local")
    anyio.run(lambda: control(app, "POST", "edit", body))


def main() -> None:
    """Tell the short story and write the picture."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "contact-centre"
        shutil.copytree(sample_folder(), project, ignore=shutil.ignore_patterns(".reconciler"))
        run(project, "apply", "--yes", "--quiet")
        edit(project)
        manifest = project / "tables" / "claims.yaml"
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(text.replace("    is_urgent: boolean", "    is_urgent: boolean\n    handled_by: string"))
        with Session.open(project, "local", debug=lambda _: None) as session:
            plan = session.plan(Request())
        shown = "$ reconciler plan\n" + plan_as("text", plan, width=WIDTH, color=True)
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
    console.print(Text.from_ansi(shown))
    picture = console.export_svg(title="reconciler", unique_id="reconciler")
    # No font from elsewhere: a picture in a README must not make the reader's machine call anybody.
    picture = re.sub(r"@font-face \{.*?\}\s*", "", picture, flags=re.DOTALL).replace("Fira Code", "DejaVu Sans Mono")
    picture = picture.replace("<svg ", '<svg xml:space="preserve" ', 1)
    OUT.write_text("\n".join(line.rstrip() for line in picture.splitlines()) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
