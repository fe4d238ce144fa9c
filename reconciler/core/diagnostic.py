"""What is wrong with a manifest, and where: the values that validation gathers and renderers show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]
PathParts = tuple[str | int, ...]


@dataclass(frozen=True, slots=True, order=True)
class Mark:
    """A place in a source file: ``file`` relative to the project, ``line`` and ``column`` counted from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that validation checks: its stable code, a short title and an explanation for ``reconciler explain``."""

    code: str
    title: str
    explanation: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding: which rule, what exactly, where, and what to write instead.

    ``path`` is the dotted path inside the manifest (``spec.columns.age``), ``excerpt`` the source line with a caret below
    it (filled in by whoever has the text), ``related`` further places that take part, such as the first of two duplicates.
    """

    rule: Rule
    message: str
    mark: Mark | None = None
    path: str = ""
    fix: str = ""
    severity: Severity = "error"
    excerpt: str = ""
    related: tuple[tuple[str, Mark], ...] = ()

    @property
    def sort_key(self) -> tuple[str, int, int, str, str]:
        """Order by place, then code: the same findings always come out in the same order."""
        mark = self.mark or Mark("", 0, 0)
        return (mark.file, mark.line, mark.column, self.rule.code, self.message)


def dotted(path: PathParts) -> str:
    """Write a path as people do: ``spec.mappings[2].crmField``; keys that hold dots are quoted."""
    out = ""
    for part in path:
        if isinstance(part, int):
            out += f"[{part}]"
        elif part and all(ch.isalnum() or ch in "_-$" for ch in part):
            out += f".{part}" if out else part
        else:
            quoted = part.replace("\\", "\\\\").replace('"', '\\"')
            out += f'["{quoted}"]'
    return out
