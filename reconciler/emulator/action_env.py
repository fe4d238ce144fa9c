"""The file of ``--action-env``: variables that the tenant gives to every action, one ``NAME=value`` a line."""

from __future__ import annotations

import re
from pathlib import Path

from reconciler.emulator.errors import StateError

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*)", re.DOTALL)


def parse_environment(text: str) -> dict[str, str]:
    """Read variables; empty lines and those that begin with # are passed over, quotes around a value are taken off.

    Raises ValueError, which names the line but not what is in it: it may be a secret.
    """
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        match = _LINE.fullmatch(stripped)
        if match is None or "\0" in stripped:
            raise ValueError(f"line {number} is not NAME=value")
        name, value = match.groups()
        if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
            value = value[1:-1]
        found[name] = value
    return found


def read_environment(path: Path) -> dict[str, str]:
    """Read the file of ``--action-env``; raises StateError where it can't be used."""
    try:
        return parse_environment(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StateError("FILE_UNREADABLE", f"{path} can't be read: {error}", "name a file that is there") from error
    except ValueError as error:
        raise StateError("FILE_INVALID", f"{path}: {error}", "write one NAME=value a line") from error
