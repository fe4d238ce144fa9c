"""Findings about manifests for people (text), programs (JSON), pull requests (GitHub annotations) and CI (JUnit)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any, Final

from reconciler.core.diagnostic import Diagnostic, Mark
from reconciler.render.annotations import annotation
from reconciler.render.document import render_json
from reconciler.render.escape import visible
from reconciler.render.junit import Case, render_junit
from reconciler.render.style import Paint, Style

FORMAT_VERSION: Final = 1


def render_diagnostics(diagnostics: Sequence[Diagnostic], format: str = "text", color: bool = False) -> str:  # noqa: A002
    """All findings as one document, ordered by place and code whatever order they come in.

    ``format`` is ``text``, ``json``, ``github`` or ``junit``; anything else raises `ValueError`. Only text can be coloured.
    """
    ordered = sorted(diagnostics, key=lambda item: (item.sort_key, item.path, item.severity))
    if format == "text":
        return _text(ordered, Paint(color))
    if format == "json":
        return render_json(_json(ordered))
    if format == "github":
        return "".join(_annotation(item) for item in ordered)
    if format == "junit":
        return _junit(ordered)
    raise ValueError(f"findings cannot be written as {format}")


def count(diagnostics: Sequence[Diagnostic]) -> str:
    """How many errors and warnings there are, in words."""
    errors = sum(1 for item in diagnostics if item.severity == "error")
    parts = [_counted(number, noun) for number, noun in ((errors, "error"), (len(diagnostics) - errors, "warning"))]
    return ", ".join(part for part in parts if not part.startswith("0 ")) or "no errors"


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _text(diagnostics: Sequence[Diagnostic], paint: Paint) -> str:
    blocks = [_block(item, paint) for item in diagnostics]
    return "\n".join([*blocks, count(diagnostics)]) + "\n"


def _block(item: Diagnostic, paint: Paint) -> str:
    style: Style = "red" if item.severity == "error" else "yellow"
    lines = [f"{paint(f'{item.severity}[{item.rule.code}]', style)}: {paint(visible(item.message), 'bold')}"]
    gutter = " " * len(str(item.mark.line)) if item.mark else " "
    if item.mark:
        lines.append(f"{gutter}{paint('-->', 'cyan')} {_place(item.mark)}")
    if item.mark and item.excerpt:
        source, _, caret = item.excerpt.replace("\t", "    ").partition("\n")
        lines.append(f"{gutter} {paint('|', 'cyan')}")
        lines.append(f"{paint(f'{item.mark.line} |', 'cyan')} {visible(source)}".rstrip())
        lines.append(f"{gutter} {paint('|', 'cyan')} {paint(visible(caret), style)}")
    notes = [("path", visible(item.path))] if item.path else []
    notes += [(visible(text), _place(mark)) for text, mark in item.related]
    notes += [("help", visible(item.fix))] if item.fix else []
    lines += [f"{gutter} {paint('=', 'cyan')} {name}: {value}" for name, value in notes]
    return "\n".join(lines) + "\n"


def _place(mark: Mark) -> str:
    return visible(str(mark))


def _json(diagnostics: Sequence[Diagnostic]) -> dict[str, Any]:
    errors = sum(1 for item in diagnostics if item.severity == "error")
    return {
        "format_version": FORMAT_VERSION,
        "errors": errors,
        "warnings": len(diagnostics) - errors,
        "diagnostics": [_json_item(item) for item in diagnostics],
    }


def _json_item(item: Diagnostic) -> dict[str, Any]:
    return {
        "code": item.rule.code,
        "title": item.rule.title,
        "severity": item.severity,
        "message": item.message,
        "path": item.path or None,
        "fix": item.fix or None,
        **_json_place(item.mark),
        "excerpt": item.excerpt or None,
        "related": [{"message": text, **_json_place(mark)} for text, mark in item.related],
    }


def _json_place(mark: Mark | None) -> dict[str, Any]:
    if mark is None:
        return {"file": None, "line": None, "column": None}
    return {"file": mark.file, "line": mark.line, "column": mark.column}


def _annotation(item: Diagnostic) -> str:
    return annotation(item.severity, f"{item.rule.code} {item.rule.title}", _sentences(item), item.mark)


def _sentences(item: Diagnostic) -> list[str]:
    """Everything about a finding that does not need its source: message, path, related places and fix, one a line."""
    lines = [visible(item.message)]
    lines += [f"path: {visible(item.path)}"] if item.path else []
    lines += [f"{visible(text)}: {_place(mark)}" for text, mark in item.related]
    lines += [f"help: {visible(item.fix)}"] if item.fix else []
    return lines


def _junit(diagnostics: Sequence[Diagnostic]) -> str:
    """A suite a file, a failed case a finding; warnings are cases that pass and say so, no finding is one case that passes."""
    suites = [
        (name, [_case(item, name) for item in items])
        for name, items in groupby(diagnostics, key=lambda item: item.mark.file if item.mark else "project")
    ]
    return render_junit(suites or [("manifests", [Case("valid", "manifests")])])


def _case(item: Diagnostic, file: str) -> Case:
    place = f" at {item.mark.line}:{item.mark.column}" if item.mark else ""
    text = "\n".join(part for part in (str(item.mark or ""), *_sentences(item), item.excerpt) if part)
    name = f"{item.rule.code} {item.rule.title}{place}"
    return Case(name, file, "failed" if item.severity == "error" else "passed", item.message, item.rule.code, text)
