"""The canonical layout of manifests: two spaces a level, lists inside their key, one order of the four top keys.

Comments, anchors, aliases, tags, quotes and block texts stay as the author wrote them. The result is checked: it must read
back as the same values with the same comments, or the file is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.core.diagnostic import Diagnostic, Mark
from reconciler.errors import InvalidManifests
from reconciler.loading.format_layout import Layout
from reconciler.loading.format_scanner import Unformattable
from reconciler.loading.yaml_document import Document
from reconciler.loading.yaml_parse import parse_source
from reconciler.loading.yaml_rules import FORMAT_LOSS
from reconciler.loading.yaml_source import Source, make_source


def format_text(text: str | bytes, file: str) -> str:
    """A YAML text in canonical layout; formatting the result again changes nothing.

    Raises `InvalidManifests` with the findings when the text is not valid, or cannot be formatted without loss (M113).
    ``file`` is the name that findings carry.
    """
    source = make_source(text, file)
    documents, diagnostics = parse_source(source)
    if diagnostics:
        raise InvalidManifests(diagnostics)
    try:
        for candidate, terminated in _candidates(source):
            # Without the usual order of keys where that would put an alias before its anchor.
            for reorder in (True, False):
                result = _formatted(candidate, documents, terminated=terminated, reorder=reorder)
                if result is not None:
                    return result
    except Unformattable as error:
        raise _refusal(source, error.message, candidate.place(error.position)) from error
    raise _refusal(source, "the new layout would change a value or lose a comment", Mark(file, 1, 1))


def _candidates(source: Source) -> Iterator[tuple[Source, bool]]:
    """The text with LF as its only line end, also at its end, and whether it ended so before.

    Blanks behind the last line break are part of a block text, or nothing at all: then they are left out.
    """
    plain = source.text.replace("\r\n", "\n").replace("\r", "\n")
    body = plain.rstrip(" \t")
    candidates = [(plain, True)] if plain.endswith("\n") else [(plain + "\n", False)]
    if body != plain and (not body or body.endswith("\n")):
        candidates.append((body, True))
    for text, terminated in candidates:
        if text == source.text:
            yield source, terminated
            continue
        candidate = Source(source.name, text)
        parse_source(candidate)
        yield candidate, terminated


def _formatted(source: Source, documents: list[Document], *, terminated: bool, reorder: bool) -> str | None:
    """The new layout, or None when it would not read back as the same values and comments, or not be final."""
    layout = Layout(source.text, _readable(source), terminated=terminated, reorder=reorder)
    result = layout.run()
    if result == source.text and terminated:
        return result
    written = Source("", result)
    after, diagnostics = parse_source(written)
    if diagnostics or _values(after) != _values(documents):
        return None
    again = Layout(result, _readable(written), reorder=reorder)
    if again.run() != result or sorted(again.comments) != sorted(layout.comments):
        return None
    return result


def _readable(source: Source) -> str:
    return source.readable if isinstance(source.readable, str) else source.text


def _values(documents: list[Document]) -> list[tuple[int, str]]:
    """Values as they can be compared: 1, 1.0 and true are three."""
    return [(document.index, repr(_sorted(document.value))) for document in documents]


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def _refusal(source: Source, message: str, mark: Mark) -> InvalidManifests:
    fix = "move the comment or value to a line of its own, or leave this file out"
    return InvalidManifests([Diagnostic(FORMAT_LOSS, message, mark, fix=fix, excerpt=source.excerpt(mark))])
