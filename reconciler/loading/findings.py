"""Gathers diagnostics while manifests are bound, and takes care that no excerpt shows a secret that was written out."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Literal

from reconciler.core.diagnostic import Diagnostic, Mark, PathParts, Rule, dotted
from reconciler.loading import yaml_rules
from reconciler.loading.located import Located

MASK = "…"

_NO_VALUE = frozenset((yaml_rules.UNDEFINED_ALIAS, yaml_rules.RECURSIVE_ALIAS))
"""What leaves a place without a value: nothing more can be said of what stands there."""

_SECRET_WORD = re.compile(
    r"""(?ix) (?<!\$\{) ((?:pass(?:word|wd|phrase)|secret|token|api[_-]?key|private[_-]?key)["']?\s*:\s*)
    (?! \s | $ | ["']?\$\{ | [{\[] | (?:env|file|vault): ) .*"""
)
_USER_IN_URL = re.compile(r"(?<=://)[^/?#\s@\"'$]+@")


class Findings:
    """All diagnostics of one run.

    Places that hold a literal secret are reported with `hide`; whatever line they stand on is masked from there on in every
    excerpt, so that a second finding on the same line does not print what the first one keeps back.
    """

    def __init__(self) -> None:
        self._items: list[tuple[Diagnostic, Located | None]] = []
        self._hidden: dict[tuple[str, int], int] = {}

    def add(
        self,
        rule: Rule,
        message: str,
        source: Located | None = None,
        path: PathParts = (),
        *,
        key: bool = False,
        shown: PathParts | None = None,
        fix: str = "",
        severity: Literal["error", "warning"] = "error",
        related: tuple[tuple[str, Mark], ...] = (),
    ) -> None:
        """Note one finding at a path of a document.

        ``key`` points at the key instead of its value; ``shown`` is the path to print where it is not the path that is
        pointed at (a missing field has no place of its own).
        """
        mark = source.mark(path, key=key) if source is not None else None
        self.put(
            Diagnostic(rule, message, mark, dotted(path if shown is None else shown), fix, severity, related=related),
            source,
        )

    def put(self, diagnostic: Diagnostic, source: Located | None = None) -> None:
        """Note a finished diagnostic; its excerpt is taken from ``source`` where it has none."""
        self._items.append((diagnostic, source))

    def hide(self, source: Located, path: PathParts) -> None:
        """Remember that a secret's value is written out at a path."""
        mark = source.mark(path)
        place = (mark.file, mark.line)
        self._hidden[place] = min(mark.column, self._hidden.get(place, mark.column))

    @property
    def sources(self) -> frozenset[int]:
        """The identities (`id`) of the documents of which anything was found."""
        return frozenset(id(source) for _, source in self._items if source is not None)

    @property
    def blamed(self) -> tuple[frozenset[str], frozenset[int]]:
        """What has errors: files by name, where an error belongs to no document of them, and the identities of documents."""
        errors = [(item, source) for item, source in self._items if item.severity == "error"]
        files = frozenset(item.mark.file for item, source in errors if source is None and item.mark is not None)
        return files, frozenset(id(source) for _, source in errors if source is not None)

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(item.severity == "error" for item, _ in self._items)

    def finish(self) -> tuple[Diagnostic, ...]:
        """All findings once each, with excerpts, in order of file and line."""
        done = [
            replace(item, excerpt=self._excerpt(item.mark, source))
            if not item.excerpt and item.mark is not None and source is not None
            else item
            for item, source in self._items
        ]
        empty = {item.mark for item in done if item.rule in _NO_VALUE}
        told = (item for item in done if item.mark not in empty or item.rule in _NO_VALUE)
        unique = {(item.sort_key, item.path): item for item in told}
        return tuple(unique[key] for key in sorted(unique))

    def _excerpt(self, mark: Mark, source: Located) -> str:
        text = source.excerpt(mark)
        line, newline, caret = text.partition("\n")
        column = self._hidden.get((mark.file, mark.line))
        if column is not None:
            # An excerpt of a long line is cut in front, and then columns no longer tell where the secret begins.
            line = MASK if line.startswith(MASK) else line[: column - 1] + MASK
        line = _USER_IN_URL.sub(f"{MASK}@", _SECRET_WORD.sub(rf"\1{MASK}", line))
        return line + newline + caret
