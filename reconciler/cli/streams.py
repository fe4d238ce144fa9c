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

_ACTIVE = re.compile(r"[^\x00-\x7e]")
"""What may have to be shown as an escape."""


def open_missing() -> None:
    """Stand-ins for streams that the process was started without (``>&-``), and escapes for what a stream cannot say."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: PTH123, SIM115
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def harmless(text: str) -> str:
    r"""A text as a terminal may have it: what is beyond ASCII and not printable is shown as ``\uXXXX``.

    That is an escape in JSON as well, so that a document stays what it is. It is the last net: controls within ASCII, colours
    among them, are the business of those who render.
    """
    if text.isascii() and "\x7f" not in text:
        return text
    return "\n".join(line if line.isprintable() else _ACTIVE.sub(_escaped, line) for line in text.split("\n"))


def _escaped(found: re.Match[str]) -> str:
    if found[0].isprintable():
        return found[0]
    units = found[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[index : index + 2].hex()}" for index in range(0, len(units), 2))


def write(text: str) -> None:
    """Write to stdout; into nothing from now on where its reader left. Raises `StorageError` where it takes no more."""
    try:
        click.echo(harmless(text), nl=False)
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
