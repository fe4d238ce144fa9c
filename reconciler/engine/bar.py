"""A progress bar on stderr: it is there while something goes on, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from rich.progress import ProgressColumn


class Bar:
    """What shows a bar from some moment on; use it as a context manager, so that the bar goes whatever happens.

    Rich, which draws it, is loaded only where one is shown.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def shown(self) -> bool:
        """Whether there is a bar now, so that nothing else may be written to stderr than by `print_above`."""
        return self._bar is not None

    def show(self, columns: Sequence[ProgressColumn], label: str, total: float | None, **fields: str) -> None:
        """Show the bar, at none of ``total``; ``fields`` are what columns show besides."""
        from rich.console import Console
        from rich.progress import Progress

        self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self._task = self._bar.add_task(label, total=total, **fields)
        self._bar.start()

    def move(self, *, to: float | None = None, by: float | None = None, **fields: str) -> None:
        """Move the bar that is shown."""
        self._bar.update(self._task, completed=to, advance=by, **fields)

    def start_at(self, done: float, **fields: str) -> None:
        """Take ``done`` for what there was at the beginning, so that the time left is judged by what follows."""
        self._bar.reset(self._task, completed=done, **fields)

    def print_above(self, text: str) -> None:
        """Print a line to stderr without disturbing the bar that is shown."""
        self._bar.console.print(text, markup=False, highlight=False)
