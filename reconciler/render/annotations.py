"""Annotations of GitHub Actions: one workflow command a line, shown at its file and line in the pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from reconciler.core.diagnostic import Mark
from reconciler.render.escape import visible

Level = Literal["error", "warning", "notice"]


def annotation(level: Level, title: str, lines: Sequence[str], mark: Mark | None = None) -> str:
    """One annotation with its newline; what GitHub would read as its own syntax is percent-encoded."""
    properties = {"file": mark.file, "line": mark.line, "col": mark.column} if mark else {}
    shown = ",".join(f"{name}={_property(str(value))}" for name, value in (*properties.items(), ("title", title)))
    return f"::{level} {shown}::{_data(chr(10).join(map(visible, lines)))}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return visible(_data(text).replace(":", "%3A").replace(",", "%2C"))
