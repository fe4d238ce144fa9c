"""Which files of a folder go into its bundle, counted and judged before a single one is read."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Final

from reconciler.core.diagnostic import Rule
from reconciler.loading import rules

MAX_BYTES: Final = 50_000_000
MAX_FILES: Final = 10_000
MAX_NAME_BYTES: Final = 1024
ALWAYS_EXCLUDED: Final = (".git", ".DS_Store", "node_modules/.cache")
"""What never belongs to code and differs from one machine to the next."""

_ENOUGH_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that keeps a folder from being bundled."""

    rule: Rule
    message: str
    fix: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A file of a bundle: its name inside (forward slashes), where to read it, and its size in bytes."""

    name: str
    path: str
    size: int


def scan(folder: Path, exclude: Sequence[str]) -> tuple[list[Found], list[Problem]]:
    """List the files of a bundle in the order of their names' bytes, and what is wrong with them.

    ``exclude`` are glob patterns: ``*`` and ``?`` stay inside one path segment, ``**`` crosses them; a pattern without a slash
    fits at any depth; one that fits a folder leaves out all of it.
    """
    skip = _matcher((*ALWAYS_EXCLUDED, *exclude))
    home = str(folder)
    files: list[Found] = []
    problems: list[Problem] = []
    total = 0
    for entry, name in _walk(home, "", skip, problems):
        found = _judge(entry, name, home, problems)
        if found is not None:
            files.append(found)
            total += found.size
        if len(files) > MAX_FILES:
            return [], [_too_large(folder, f"more than {MAX_FILES:,} files")]
        if total > MAX_BYTES:
            return [], [_too_large(folder, "more than 50 MB")]
        if len(problems) >= _ENOUGH_PROBLEMS:
            break
    files.sort(key=lambda file: os.fsencode(file.name))
    return files, sorted(problems, key=lambda problem: problem.message)


def _too_large(folder: Path, what: str) -> Problem:
    return Problem(rules.CODE_TOO_LARGE, f"{folder.name} holds {what}", "leave files out: code.exclude")


def _walk(
    folder: str, prefix: str, skip: re.Pattern[str], problems: list[Problem]
) -> Iterator[tuple[os.DirEntry[str], str]]:
    """Everything below a folder that is no folder itself and not excluded. Not recursive: depth is not ours to limit."""
    waiting = [(folder, prefix)]
    while waiting:
        path, inside = waiting.pop()
        try:
            with os.scandir(path) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except OSError as error:
            reason = (error.strerror or "error").lower()
            problems.append(
                Problem(rules.CODE_UNREADABLE, f"{inside or '.'} cannot be listed: {reason}", "make it readable")
            )
            continue
        for entry in entries:
            name = inside + entry.name
            if skip.fullmatch(name):
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((entry.path, name + "/"))
            else:
                yield entry, name


def _judge(entry: os.DirEntry[str], name: str, home: str, problems: list[Problem]) -> Found | None:
    path = entry.path
    try:
        if entry.is_symlink():
            path = os.path.realpath(path, strict=True)
            if not path.startswith(home + os.sep):
                fix = "replace the link by a copy, or exclude it"
                problems.append(
                    Problem(rules.CODE_OUTSIDE, f"{_printable(name)} is a link out of the code folder", fix)
                )
                return None
        status = os.stat(path, follow_symlinks=False)  # noqa: PTH116 - a Path per file doubles the time of a scan
    except OSError as error:
        reason = (error.strerror or "error").lower()
        problems.append(Problem(rules.CODE_UNREADABLE, f"{_printable(name)} cannot be read: {reason}", "exclude it"))
        return None
    if not stat.S_ISREG(status.st_mode):
        message = f"{_printable(name)} is neither a file nor a folder"
        problems.append(Problem(rules.CODE_UNREADABLE, message, "remove or exclude it"))
        return None
    if not _representable(name):
        message = f"{_printable(name)} is not a name that a zip can hold everywhere"
        problems.append(Problem(rules.CODE_UNREADABLE, message, "rename or exclude it"))
        return None
    return Found(name, path, status.st_size)


def _representable(name: str) -> bool:
    try:
        encoded = name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return len(encoded) <= MAX_NAME_BYTES and "\\" not in name and name.isprintable()


def _printable(name: str) -> str:
    return name.encode("utf-8", "backslashreplace").decode("utf-8")


@lru_cache(maxsize=256)
def _matcher(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_translate(pattern.strip("/")) for pattern in patterns if pattern.strip("/")))


def _translate(pattern: str) -> str:
    """A glob as a regular expression; without a slash it fits at any depth."""
    out = "" if "/" in pattern else "(?:[^/]+/)*"
    for part in re.split(r"((?:\*\*/)+|\*\*|\*|\?)", pattern):
        if part.startswith("**/"):
            out += "(?:[^/]+/)*"
        elif part == "**":
            out += ".*"
        elif part == "*":
            out += "[^/]*"
        elif part == "?":
            out += "[^/]"
        else:
            out += re.escape(part)
    return f"(?s:{out})"
