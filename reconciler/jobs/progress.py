"""How far a job is: a bar with rate and time left on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any


class Progress:
    """The progress of one job; use it as a context manager. ``quiet`` shows nothing whatever stderr is."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        self._label = label
        self._quiet = quiet or not sys.stderr.isatty()
        self._bar: Any = None
        self._task: Any = None
        self._began = time.monotonic()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def begin(self, total: float | None) -> None:
        """Say how much there is to do, in whatever unit `update` counts; None where nobody knows."""
        if self._quiet:
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns: list[Any] = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        columns += [TextColumn("{task.fields[text]}")]
        columns += [TimeRemainingColumn() if total is not None else TimeElapsedColumn()]
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(self._label, total=total, text="")
        self._bar.start()

    def update(self, done: float, text: str = "", *, records: int | None = None) -> None:
        """Say how much is done since `begin`; with ``records``, their rate is shown, too."""
        if self._bar is None:
            return
        if records is not None:
            rate = records / max(time.monotonic() - self._began, 0.001)
            text = f"{records:,} records, {rate:,.0f}/s{', ' + text if text else ''}"
        self._bar.update(self._task, completed=done, text=text)

    def say(self, text: str) -> None:
        """Print a line to stderr without disturbing the bar."""
        if self._bar is not None:
            self._bar.console.print(text, markup=False, highlight=False)
        else:
            sys.stderr.write(text + "\n")
