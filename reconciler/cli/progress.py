"""The progress of an apply on stderr: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from reconciler.core.report import Result

BAR_FROM = 20
"""Changes from which on a bar says more than lines do."""


@contextmanager
def show_results(total: int, *, quiet: bool) -> Iterator[Callable[[Result], None]]:
    """A listener for results: a bar with rate and time left for many of them on a terminal, one line each otherwise.

    What was not applied gets its line in any case.
    """
    from reconciler.render.report_text import render_result_line

    if quiet:
        yield lambda _: None
        return
    if total < BAR_FROM or not sys.stderr.isatty():
        yield lambda result: click.echo(render_result_line(result), err=True)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("applying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=total)

        def listen(result: Result) -> None:
            progress.advance(task)
            if result.outcome != "applied":
                progress.console.print(render_result_line(result), markup=False, highlight=False)

        yield listen
