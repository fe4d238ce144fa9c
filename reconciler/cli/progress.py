"""The progress of an apply on stderr: a bar on a terminal where there is much to do, a line for each change elsewhere."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from reconciler.cli.streams import say
from reconciler.engine.bar import Bar

if TYPE_CHECKING:
    from reconciler.core.report import Result

BAR_FROM = 20
"""Changes from which on a bar says more than lines do."""


class ResultLog(Bar):
    """Tells of results as they come; use it as a context manager, and `begin` it once the number of changes is known.

    With a bar, only what was not applied gets a line of its own. ``quiet`` leaves everything to the closing report.
    """

    def __init__(self, *, quiet: bool) -> None:
        super().__init__()
        self._quiet = quiet

    def begin(self, total: int) -> None:
        """Say how many changes there are; starts the bar where one helps."""
        if self._quiet or total < BAR_FROM or not sys.stderr.isatty():
            return
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

        columns = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.show(columns, "", total)

    def __call__(self, result: Result) -> None:
        """Tell of one result."""
        if self._quiet:
            return
        from reconciler.render.report_text import render_result_line

        if not self.shown:
            say(render_result_line(result))
            return
        self.move(by=1)
        if result.outcome != "applied":
            self.print_above(render_result_line(result))
