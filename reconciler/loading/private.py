"""Folders that are their owner's alone, whatever the umask."""

from __future__ import annotations

from pathlib import Path


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are missing, for their owner alone (0700); what is there stays as it is.

    ``mkdir`` with ``parents`` would give the mode to the last of them only. Raises `OSError`.
    """
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for path in reversed(missing):
        path.mkdir(mode=0o700, exist_ok=True)
