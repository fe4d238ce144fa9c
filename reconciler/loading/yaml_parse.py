"""From one file's content to its documents and findings, going on behind an error wherever that is possible."""

from __future__ import annotations

import codecs
import re
from array import array
from collections.abc import Iterable
from dataclasses import replace
from typing import Any, Final

from ruamel.yaml.error import YAMLError

from reconciler.core.diagnostic import Diagnostic, dotted
from reconciler.loading import yaml_rules as rules
from reconciler.loading.yaml_builder import Builder, Built
from reconciler.loading.yaml_cache import part_of
from reconciler.loading.yaml_document import Document
from reconciler.loading.yaml_errors import explain, forbidden
from reconciler.loading.yaml_mask import maskable, masked
from reconciler.loading.yaml_problems import MAX_FINDINGS, Hopeless, Problem
from reconciler.loading.yaml_source import Source
from reconciler.loading.yaml_tree import path_at

_NEXT: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)
_MAX_MASKS: Final = 50
"""How often one text is read again because of what the parser does not know."""


def parse_source(source: Source) -> tuple[list[Document], list[Diagnostic]]:
    """Read a file's documents.

    A document with a syntax error is left out and reading goes on at the next ``---``; one with other findings (a key that
    stands twice) is given as far as it could be read, so that what refers to it still finds it. ``source.clean`` tells
    whether there was any finding.
    """
    data = source.data
    if (codecs.BOM_UTF8 if isinstance(data, bytes) else "\ufeff") in data:  # type: ignore[operator]
        return [], _diagnostics(source, [(forbidden(source), None)])
    run = _Run(source)
    base: int | None = 0
    while base is not None and len(run.problems) < MAX_FINDINGS:
        base = run.read(base)
    source.documents = len(run.documents)
    return run.documents, _diagnostics(source, run.problems[:MAX_FINDINGS]) if run.problems else []


def parse_clean(source: Source) -> bytes | None:
    """Read a file's documents as the bytes that the parse cache stores; None where there is any finding."""
    documents, problems = parse_source(source)
    return None if problems or not source.clean else part_of(documents)


class _Run:
    """What was read of one source so far."""

    __slots__ = ("documents", "expanded", "index", "masks", "problems", "source")

    def __init__(self, source: Source) -> None:
        self.source = source
        self.documents: list[Document] = []
        self.problems: list[tuple[Problem, Document | None]] = []
        self.index = 0
        self.expanded = 0
        self.masks = 0

    def read(self, base: int) -> int | None:
        """Read from a position on; returns where to go on behind a syntax error, None at the end."""
        readable = self.source.readable
        data = (readable if isinstance(readable, str) else self.source.text)[base:] if base else readable
        builder = None
        try:
            builder = Builder(data, self.expanded, is_masked=self.masks > 0)
            for built in builder.documents():
                if built is not None:
                    self._take(built, builder, base)
                self.index += 1
        except (YAMLError, UnicodeEncodeError, Hopeless) as error:
            if self._mask(error, base):
                return base + (builder.started if builder else 0)
            return self._give_up(error, builder, base)
        return None

    def _mask(self, error: Exception, base: int) -> bool:
        """Prepare the text for another reading, where the parser and not the text is to blame for an error."""
        text = self.source.text if isinstance(self.source.readable, bytes) else self.source.readable
        if isinstance(error, Hopeless) or self.masks >= _MAX_MASKS or (not self.masks and not maskable(text)):
            return False
        part = masked(text[base:], error)
        if part is None:
            return False
        self.source.readable = text[:base] + part
        self.masks += 1
        return True

    def _give_up(self, error: Any, builder: Builder | None, base: int) -> int | None:
        """Note why a document cannot be read; returns where the next one begins."""
        part = Source(self.source.name, self.source.text[base:]) if base else self.source
        problem = error.problem if isinstance(error, Hopeless) else explain(error, part)
        self.problems += [(_moved(item, base), None) for item in (*(builder.problems if builder else ()), problem)]
        self.index += 1
        if builder is None or problem.rule is rules.CHARACTERS or getattr(error, "whole_file", False):
            return None
        self.expanded = builder.expanded
        mark = getattr(error, "problem_mark", None)
        return self._next(builder.started + base, (mark.index if mark else problem.position) + base)

    def _take(self, built: Built, builder: Builder, base: int) -> None:
        positions = built.positions
        if base:
            positions = array("i", [where + base if where >= 0 else where - base for where in positions])
        document = Document(self.source.name, self.index, built.value, positions, self.source)
        self.documents.append(document)
        if builder.problems:
            self.problems += [(_moved(item, base), document) for item in builder.problems]
            builder.problems.clear()

    def _next(self, started: int, position: int) -> int | None:
        """The beginning of the next document behind an error: '---' at the start of a line can be nothing else."""
        line = self.source.text.rfind("\n", 0, position) + 1
        found = _NEXT.search(self.source.text, max(line, started + 1))
        return found.start() if found else None


def _moved(problem: Problem, base: int) -> Problem:
    """A problem of a part of the text, with its positions counted from the start of the whole."""
    if not base:
        return problem
    related = tuple((text, where + base) for text, where in problem.related)
    owner = problem.owner + base if problem.owner >= 0 else -1
    return replace(problem, position=problem.position + base, owner=owner, related=related)


def _diagnostics(source: Source, problems: Iterable[tuple[Problem, Document | None]]) -> list[Diagnostic]:
    """Findings with lines, columns, paths and excerpts; the source is not clean any more."""
    source.clean = False
    found = []
    for problem, document in problems:
        mark = source.place(problem.position)
        path = ""
        if document is not None and problem.owner >= 0:
            path = dotted(path_at(document.value, document.positions, problem.owner))
        related = tuple((text, source.place(where)) for text, where in problem.related)
        excerpt = source.excerpt(mark)
        found.append(
            Diagnostic(problem.rule, problem.message, mark, path, problem.fix, excerpt=excerpt, related=related)
        )
    return found
