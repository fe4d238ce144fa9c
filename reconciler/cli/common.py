"""What every command shares: its standard options, where output goes, and how errors become exit codes."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from reconciler import errors
from reconciler.cli import completion
from reconciler.cli.environment import FormatOption, check_values, ignored
from reconciler.cli.startup import load_unbroken
from reconciler.cli.streams import say, write

if TYPE_CHECKING:
    from reconciler.engine.workspace import Workspace

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
"""What adds an option to a command."""

EXIT_CHANGES = 2
EXIT_PARTIAL = 4
EXIT_STALE = 5
EXIT_GUARD = 6
EXIT_USAGE = 64
EXIT_INVALID = 78

_EXIT_CODES: tuple[tuple[type[errors.ReconcilerError], int], ...] = (
    (errors.UsageError, EXIT_USAGE),
    (errors.InvalidInput, EXIT_INVALID),
    (errors.AuthenticationError, 3),
    (errors.StaleError, EXIT_STALE),
    (errors.GuardRefused, EXIT_GUARD),
    (errors.LedgerBehind, EXIT_PARTIAL),
)

_PROJECT = click.option(
    "--project",
    "-C",
    "directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="The project's folder (default: the nearest reconciler.yaml upwards).",
)
_TARGET = click.option(
    "--target",
    "-t",
    shell_complete=completion.targets,
    help="The tenant of the project to work on (default: local).",
)
_NO_COLOR = click.option("--no-color", is_flag=True, help="Plain output; NO_COLOR and TERM=dumb do the same.")
_VERBOSE = click.option(
    "--verbose",
    "-v",
    count=True,
    help="Say more on stderr. -v: a line for each request, and what was left aside. -vv: its headers too, and the cause of an "
    "error. -vvv: its body too. Secrets are never shown.",
)
_QUIET = click.option("--quiet", "-q", is_flag=True, help="Only the document and errors.")
_INPUT = click.option(
    "--input/--no-input",
    "interactive",
    default=True,
    help="Whether questions may be asked (never when stdin is not a terminal).",
)


@dataclass(frozen=True, slots=True)
class Settings:
    """The standard options of one invocation.

    ``directory`` is ``--project`` or None for the nearest project upwards; ``interactive`` is whether questions may be asked.
    """

    directory: Path | None
    target: str
    format: str
    color: bool
    verbose: int
    quiet: bool
    interactive: bool

    def note(self, text: str) -> None:
        """Say something to the person at the terminal: to stderr, and not at all with ``-q``."""
        if not self.quiet:
            say(text)

    def debug(self, text: str) -> None:
        """Say something that only ``-v`` asks for."""
        if self.verbose:
            say(text)

    @property
    def width(self) -> int:
        """Columns to write for; 0 (no limit) when stdout is not a terminal."""
        if not sys.stdout.isatty():
            return 0
        import shutil

        return shutil.get_terminal_size().columns


def document(text: str) -> None:
    """Write the command's document to stdout, ending in exactly one newline; nothing for an empty text."""
    if text:
        context = click.get_current_context(silent=True)
        annotations = context is not None and context.params.get("format") == "github"
        write(text if text.endswith("\n") else text + "\n", annotations=annotations)


def tell_unkept(settings: Settings, workspace: Workspace) -> None:
    """Say that what was found is not remembered, where it cannot be."""
    if workspace.unkept:
        from reconciler.engine.workspace import CACHE

        settings.note(f"note: {CACHE} cannot be written ({workspace.unkept}): the next run reads all manifests again")


def _use_color(no_color: bool) -> bool:
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return sys.stdout.isatty()


def standard_options(
    formats: Sequence[str] = ("text",), *, target: bool = True
) -> Callable[[Callable[..., int | None]], Callable[..., None]]:
    """Decorate a command with the options that all share, and hand it a `Settings` as its first argument.

    The command returns its exit code (None is 0). Errors of this tool become one clear message on stderr and their exit
    code here, and nowhere else. ``formats``: what ``--format`` may name, the default first. ``target`` False leaves out
    ``--target`` for commands that have none.
    """
    options: list[Decorator] = [_PROJECT, _format_option(formats), _NO_COLOR, _VERBOSE, _QUIET, _INPUT]
    if target:
        options.insert(1, _TARGET)

    def decorate(function: Callable[..., int | None]) -> Callable[..., None]:
        return with_options(_ending(function), options)

    return decorate


def with_options(function: Callable[..., Any], options: Sequence[Decorator]) -> Callable[..., Any]:
    """Add options to a command; its help names them in the order given."""
    for option in reversed(options):
        function = option(function)
    return function


def _format_option(formats: Sequence[str]) -> Decorator:
    return click.option(
        "--format",
        cls=FormatOption,
        type=click.Choice(list(formats)),
        default=formats[0],
        show_default=True,
        help="How to write the document.",
    )


def _ending(function: Callable[..., int | None]) -> Callable[..., None]:
    """Make a command end the process: with its own exit code, or with that of the error that it raised, shown before."""

    @functools.wraps(function)
    def run(**kwargs: Any) -> None:
        load_unbroken()
        settings = _take_settings(kwargs)
        if text := ignored(click.get_current_context()):
            settings.debug(text)
        try:
            check_values(click.get_current_context())
            code = function(settings, **kwargs) or 0
        except errors.ReconcilerError as error:
            fail(settings, error)
        sys.exit(code)

    return run


def _take_settings(kwargs: dict[str, Any]) -> Settings:
    """Take the standard options out of a command's keyword arguments."""
    return Settings(
        directory=kwargs.pop("directory"),
        target=kwargs.pop("target", None) or "local",
        format=kwargs.pop("format"),
        color=_use_color(kwargs.pop("no_color")),
        verbose=kwargs.pop("verbose"),
        quiet=kwargs.pop("quiet"),
        interactive=kwargs.pop("interactive"),
    )


def exit_code(error: errors.ReconcilerError) -> int:
    """The exit code that stands for an error (cli.md's table)."""
    if isinstance(error, errors.Interrupted):
        return 128 + error.signal_number
    return next((code for kind, code in _EXIT_CODES if isinstance(error, kind)), 1)


def fail(settings: Settings, error: errors.ReconcilerError) -> NoReturn:
    """Show an error and leave with its exit code.

    Diagnostics are the document of a command that checks, so for machine formats they go to stdout; everything else is
    said on stderr. GitHub's format has every error on stdout, as an annotation.
    """
    if isinstance(error, (errors.InvalidManifests, errors.InvalidProject)) and error.diagnostics:
        from reconciler.render.diagnostics import render_diagnostics

        form = settings.format if settings.format in ("json", "github", "junit") else "text"
        text = render_diagnostics(error.diagnostics, form, color=settings.color).rstrip("\n")
        (say if form == "text" else document)(text)
    else:
        if settings.format == "github":
            _annotate(error)
        say(f"error[{error.code}]: {printable(error.message)}")
        if error.fix:
            say(f"  help: {printable(error.fix)}")
    if settings.verbose > 1 and error.__cause__ is not None:
        say(f"  cause: {type(error.__cause__).__name__}")
    sys.exit(exit_code(error))


def _annotate(error: errors.ReconcilerError) -> None:
    """Tell of an error as an annotation, so that a pull request shows it where its other findings are."""
    from reconciler.render.annotations import annotation

    lines = [error.message, *([f"help: {error.fix}"] if error.fix else [])]
    document(annotation("error", f"{error.code} reconciler", lines))


def printable(text: str) -> str:
    """Show control characters (terminal escapes among them) as text; newlines stay."""
    return "".join(ch if ch == "\n" or ch.isprintable() else f"\\x{ord(ch):02x}" for ch in text)
