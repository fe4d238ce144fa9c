"""The telling of a demo: real commands of the tool in processes of their own, with what they print and how they end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.cli.common import document
from reconciler.errors import UsageError

SHOWN_LINES = 14
"""Lines of each command's output that are shown; the rest is counted."""


@dataclass(slots=True)
class Story:
    """A demo in the making: where it happens, and what has been seen so far (what was shown, exit code, was it as told)."""

    project: Path
    seen: list[tuple[str, int, bool]] = field(default_factory=list)
    left_out: list[tuple[str, str]] = field(default_factory=list)

    def tell(self, text: str) -> None:
        """Say what comes next."""
        document(f"\n# {text}")

    def skip(self, title: str, why: str) -> None:
        """Leave something out that this machine cannot do, and say so; the demo goes on."""
        document(f"  left out: {why}")
        self.left_out.append((title, why))

    def run(self, title: str, *arguments: str, expect: int, lines: int = SHOWN_LINES, tail: int = 3) -> None:
        """Run one command of the tool in a process of its own, show its output, and note whether it ended as told."""
        document(f"$ reconciler {' '.join(arguments)}")
        done = subprocess.run(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "reconciler", *arguments],
            cwd=self.project,
            env={**os.environ, "NO_COLOR": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            check=False,
        )
        document("\n".join(f"  {line}".rstrip() for line in _shortened(done.stdout.splitlines(), lines, tail)))
        document(f"  [exit {done.returncode}]")
        self.seen.append((title, done.returncode, done.returncode == expect))

    def console(self, path: str, body: dict[str, Any]) -> None:
        """Do what a person would do in the tenant's web console, past this tool."""
        import anyio

        from reconciler.emulator.inprocess import control
        from reconciler.engine.tenant import embedded_app

        app = embedded_app(self.project, "local")
        try:
            anyio.run(lambda: control(app, "POST", path, body))
        finally:
            app.state.emulator.store.close()

    def rewrite(self, file: str, change: Callable[[str], str]) -> str:
        """Edit a manifest, and return what it said before."""
        path = self.project / file
        before = path.read_text(encoding="utf-8")
        after = change(before)
        if after == before:
            raise UsageError(f"the sample project is not the one that the demo knows ({file})")
        path.write_text(after, encoding="utf-8")
        return before


def _shortened(lines: list[str], most: int, tail: int) -> list[str]:
    """The beginning and the end of an output, with a count of what is between."""
    if len(lines) <= most + tail + 1:
        return lines
    left_out = len(lines) - most - tail
    return [*lines[:most], f"… {left_out} more lines …", *lines[-tail:]]
