"""Formats files in place: atomically, with their mode kept, and only those that change."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from reconciler.core.diagnostic import Diagnostic
from reconciler.errors import InvalidManifests, StorageError
from reconciler.loading.atomic import write_atomically
from reconciler.loading.format import format_text
from reconciler.loading.yaml_files import read_bytes, relative_name, unreadable
from reconciler.loading.yaml_source import make_source


@dataclass(frozen=True, slots=True)
class Formatted:
    """What formatting makes of one file: ``before`` and ``after`` are texts, ``findings`` why it must stay as it is."""

    file: str
    path: Path
    before: str
    after: str
    changed: bool
    findings: tuple[Diagnostic, ...] = ()


def format_file(path: Path, root: Path) -> Formatted:
    """Read and format one file, without writing it; what is wrong with it becomes findings."""
    name = relative_name(os.fspath(path), os.fspath(root))
    try:
        content = read_bytes(path)
    except OSError as error:
        return Formatted(name, path, "", "", changed=False, findings=(unreadable(name, error),))
    try:
        after = format_text(content, name)
    except InvalidManifests as error:
        return Formatted(name, path, "", "", changed=False, findings=error.diagnostics)
    return Formatted(name, path, make_source(content, name).text, after, changed=after.encode() != content)


def write_formatted(formatted: Formatted) -> None:
    """Replace a file by its formatted text in one step, as UTF-8; its mode stays, and a link stays a link.

    Raises `StorageError`; the file is then as it was.
    """
    path = formatted.path.resolve()
    try:
        write_atomically(path, (formatted.after.encode(),), mode=path.stat().st_mode & 0o7777)
    except OSError as error:
        message = f"{formatted.file} cannot be written: {error.strerror or type(error).__name__}"
        raise StorageError(message, fix="check the permissions of the file and its folder") from error
