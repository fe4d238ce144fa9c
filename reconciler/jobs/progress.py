"""How far a job is: a bar with rate and time left on a terminal, nothing elsewhere."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from reconciler.engine.bar import Bar

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class Progress(Bar):
    """The progress of one job; use it as a context manager. ``quiet`` shows nothing whatever stderr is."""

    def __init__(self, label: str, *, quiet: bool) -> None:
        super().__init__()
        self._label = label
        self._quiet = quiet or not sys.stderr.isatty()
        self._began = time.monotonic()
        self._before = 0
        self._resumes = False

    def begin(self, total: float | None, *, before: int = 0) -> None:
        """Say how much there is to do, in whatever unit `update` counts; None where nobody knows.

        ``before`` records were done by an earlier run. They are shown, and count neither for the rate nor for the time left.
        """
        self._began = time.monotonic()
        self._before, self._resumes = before, before > 0
        if self._quiet:
            return
        from rich.progress import BarColumn, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

        columns: list[ProgressColumn] = [SpinnerColumn(), TextColumn("{task.description}"), BarColumn()]
        columns += [TextColumn("{task.fields[text]}")]
        columns += [TimeRemainingColumn() if total is not None else TimeElapsedColumn()]
        self.show(columns, self._label, total, text="")

    def update(self, done: float, text: str = "", *, records: int | None = None) -> None:
        """Say how much is done since `begin`; with ``records``, their rate is shown, too."""
        if not self.shown:
            return
        if records is not None:
            rate = (records - self._before) / max(time.monotonic() - self._began, 0.001)
            text = f"{records:,} records, {rate:,.0f}/s{', ' + text if text else ''}"
        if self._resumes:
            # How far the earlier run came in this unit is known only now.
            self._resumes = False
            self.start_at(done, text=text)
        self.move(to=done, text=text)

    def say(self, text: str) -> None:
        """Print a line to stderr without disturbing the bar."""
        if self.shown:
            self.print_above(text)
        else:
            sys.stderr.write(text + "\n")
