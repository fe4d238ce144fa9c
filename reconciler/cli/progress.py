"""The progress of an apply on stderr: a bar on a terminal where there is much to do, a line for each change elsewhere."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING, Any

from reconciler.cli.streams import say

if TYPE_CHECKING:
    from reconciler.core.report import Result

BAR_FROM = 20
"""Changes from which on a bar says more than lines do."""


class ResultLog:
    """Tells of results as they come; use it as a context manager, and `begin` it once the number of changes is known.

    With a bar, only what was not applied gets a line of its own. ``quiet`` leaves everything to the closing report.
    """

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> ResultLog:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def begin(self, total: int) -> None:
        """Say how many changes there are; starts the bar where one helps."""
        if self._quiet or total < BAR_FROM or not sys.stderr.isatty():
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task("", total=total)
        self._bar.start()

    def __call__(self, result: Result) -> None:
        """Tell of one result."""
        if self._quiet:
            return
        from reconciler.render.report_text import render_result_line

        if self._bar is None:
            say(render_result_line(result))
            return
        self._bar.advance(self._task)
        if result.outcome != "applied":
            self._bar.console.print(render_result_line(result), markup=False, highlight=False)
