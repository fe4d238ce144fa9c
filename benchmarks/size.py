"""Every command at 10,000 and 30,000 resources: seconds, processor seconds, memory and requests; and plans of creates written out.

The emulator runs in its own process and is spoken to over HTTP. ``apply`` creates all resources, then changes the description of
one in a hundred; the other commands run on what it left, where nothing changed.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate import write_project
from measure import Run, run, store, table
from plan import COMMAND, SECRETS, emulator, logged

FORMATS = ("text", "json", "markdown")
PARALLELISM = ("--parallelism", "50")


class Measured:
    """A project of ``count`` resources and the rows that its commands gave."""

    def __init__(self, folder: Path, count: int, url: str) -> None:
        self.folder, self.count, self.url = folder, count, url
        self.rows: list[tuple[object, ...]] = []
        self.figures: dict[str, Any] = {}
        write_project(folder, count, url)

    def command(self, name: str, *arguments: str, code: int = 0) -> Run:
        """Run one command and note what it took."""
        before = logged(self.url)
        done = run([*COMMAND, *arguments, "-C", str(self.folder)], env=SECRETS)
        assert done.code == code, (name, done.code, done.stdout[-300:], done.stderr[-1000:])
        requests = logged(self.url) - before
        self.rows.append((f"{self.count:,}", name, done.seconds, done.cpu, f"{done.megabytes:.0f}", requests))
        self.figures[name] = {
            "seconds": done.seconds,
            "cpu": done.cpu,
            "mb": done.megabytes,
            "requests": requests,
        }
        return done

    def written(self, saved: Path) -> None:
        """Write a saved plan out in each format, several times in one process that is set up as a command's: what writing alone takes."""
        code = (
            "import gc, sys, time; from pathlib import Path; from json import loads\n"
            "from reconciler.cli.main import GARBAGE_THRESHOLD; from reconciler.cli.rendering import plan_as\n"
            "from reconciler.core.planfile import plan_from_json\n"
            "gc.set_threshold(GARBAGE_THRESHOLD, 20, 100)\n"
            "plan = plan_from_json(loads(Path(sys.argv[1]).read_bytes()))\n"
            "for name in sys.argv[2:]:\n"
            "    took = []\n"
            "    for _ in range(3):\n"
            "        begun = time.process_time(); text = plan_as(name, plan); took.append(time.process_time() - begun)\n"
            "    print(name, min(took), len(text))\n"
        )
        done = run([sys.executable, "-c", code, str(saved), *FORMATS], env=SECRETS)
        assert done.code == 0, done.stderr[-1000:]
        for name, seconds, size in re.findall(r"(\w+) ([\d.e-]+) (\d+)", done.stdout):
            self.figures[f"plan of creates as {name}"] = {"seconds": float(seconds), "characters": int(size)}


def change_some(folder: Path) -> None:
    """Change the description of one resource in a hundred."""
    for path in sorted((folder / "manifests").rglob("*.yaml")):
        documents = path.read_text(encoding="utf-8").split("\n---\n")
        for number in range(0, len(documents), 100):
            documents[number] = re.sub(r"description: .*", "description: changed", documents[number], count=1)
        path.write_text("\n---\n".join(documents), encoding="utf-8")


def measured(count: int, formats: bool) -> Measured:
    """All commands, from an empty tenant on."""
    with tempfile.TemporaryDirectory() as folder, emulator() as url:
        found = Measured(Path(folder), count, url)
        found.command("validate, cold", "validate", "-q")
        found.command("validate, warm", "validate", "-q")
        found.command("fmt --check", "fmt", "--check")
        saved = Path(folder) / "plan.json"
        found.command("plan of creates, saved", "plan", "-q", "--out", str(saved))
        if formats:
            found.written(saved)
        found.command("apply, all created", "apply", "--yes", "-q", *PARALLELISM)
        found.command("plan, nothing changed", "plan", "-q", "--detailed-exitcode")
        found.command("drift, none", "drift", "-q")
        change_some(Path(folder))
        found.command("apply, 1 % changed", "apply", "--yes", "-q", *PARALLELISM)
        return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 30_000])
    options = parser.parse_args(arguments)
    rows: list[tuple[object, ...]] = []
    figures: dict[str, Any] = {}
    for count in options.sizes:
        found = measured(count, formats=True)
        rows += found.rows
        figures[str(count)] = found.figures
    table("At size", ("resources", "command", "s", "processor s", "MB", "requests"), rows)
    print(json.dumps({size: {k: v for k, v in all_.items() if "as" in k.split()} for size, all_ in figures.items()}))
    store("size", figures)


if __name__ == "__main__":
    main()
