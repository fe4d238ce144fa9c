"""Writing to standard streams that may be closed, full, or read by somebody who left.

What a command does counts more than what it says: an apply in the middle of its changes goes on when the pipe behind it is
gone (``| head``), and says at its end, by its exit code, what became of it.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import TextIO

import click

from reconciler.errors import StorageError

_CONTROLS = "\x7f" + "".join(map(chr, range(9))) + "".join(map(chr, range(11, 32)))
"""The controls of ASCII, but for tabs and newlines."""

_ACTIVE = re.compile(r"(\r$|\x1b\[[0-9;]*m)|[^\x20-\x7e]")
"""What may have to be shown as an escape, and first what need not: the ends of other systems' lines, and our own colours."""

_COMMAND = re.compile(r"^(\s*)::(?=[A-Za-z])", re.MULTILINE)
"""A command of GitHub's runner, which trims a line before it looks."""

_OLD_COMMAND = re.compile(r"##(?=[A-Za-z]*\[)")
"""A command as runners of Azure and TeamCity know it, and GitHub's of old: anywhere in a line."""


def open_missing() -> None:
    """Stand-ins for streams that the process was started without (``>&-``), and escapes for what a stream cannot say."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def harmless(text: str, *, annotations: bool = False) -> str:
    r"""A text as a terminal and the log of a pipeline may have it.

    What is not printable, but for colours, and what would begin a command of a pipeline's runner (``::error``, ``##[group]``,
    ``##vso[...]``), is shown as ``\uXXXX``. That is an escape in JSON as well, so that a document stays what it is. It is the last
    net, behind those who render. ``annotations``: the text is made of such commands.
    """
    if "::" in text and not annotations:
        text = _COMMAND.sub(r"\1\\u003a:", text)
    if "##" in text and not annotations:
        text = _OLD_COMMAND.sub(r"#\\u0023", text)
    if text.isascii() and not any(ch in text for ch in _CONTROLS):
        return text
    return "\n".join(line if line.isprintable() else _ACTIVE.sub(_escaped, line) for line in text.split("\n"))


def _escaped(found: re.Match[str]) -> str:
    if found[0].isprintable() or found[1] or found[0] == "\t":
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))


def write(text: str, *, annotations: bool = False) -> None:
    """Write to stdout what is `harmless`; into nothing from now on where its reader left. Raises `StorageError` where it takes no more."""
    try:
        click.echo(harmless(text, annotations=annotations), nl=False)
    except BrokenPipeError:
        _let_go(sys.stdout)
    except OSError as error:
        _let_go(sys.stdout, for_good=False)
        raise StorageError(
            f"the output cannot be written: {error.strerror or error}", fix="look at the file or disk that it goes to"
        ) from error


def say(text: str) -> None:
    """Write a line to stderr; into nothing from now on where that is impossible, for there is nowhere left to say so."""
    try:
        click.echo(harmless(text), err=True)
    except OSError:
        _let_go(sys.stderr)


def _let_go(stream: TextIO, *, for_good: bool = True) -> None:
    """Lead a stream into nothing, with what it still holds; not ``for_good``, only that is dropped."""
    with suppress(OSError, ValueError):
        number = stream.fileno()
        before, nothing = os.dup(number), os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, number)
        stream.flush()
        if not for_good:
            os.dup2(before, number)
        os.close(before)
        os.close(nothing)
