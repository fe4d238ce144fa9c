"""Changes single values of a YAML text and leaves all other characters as they are, comments and layout included.

What is replaced, added or taken out is found by the parser's own marks, as formatting does; nothing is written anew that was
not asked for. The caller formats the result and reads it back: this module only says where it cannot edit safely.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.diagnostic import PathParts
from reconciler.core.values import ABSENT
from reconciler.loading.edit_values import block_like, block_lines, flow, scalar_like
from reconciler.loading.format_nodes import Node, pieces
from reconciler.loading.yaml_parse import parse_source
from reconciler.loading.yaml_source import Source

END: Final = -1
"""As the last part of an edit's path: behind the last item of a list."""

_DOCUMENT: Final = re.compile(r"^---(?=[ \t\r\n]|\Z)", re.MULTILINE)


class Uneditable(Exception):
    """The text is valid, and a place in it is written in a way that cannot be changed alone; the message says how."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One place of a document and what is to stand there: a JSON value, or `ABSENT` to take it out.

    The last part of ``path`` may be a key that the map does not have yet, or `END` for a list: then it is added.
    """

    path: PathParts
    value: Any


def edit_document(text: str, index: int, edits: Sequence[Edit]) -> str:
    """The text with edits applied to its document number ``index`` (from 0), one after another.

    Line ends become LF. Raises `Uneditable`; the text has then not been changed in any part.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    start, end = _span(text, index)
    part = text[start:end]
    for edit in edits:
        part = _Editor(part).apply(edit)
    return text[:start] + part + text[end:]


def _span(text: str, index: int) -> tuple[int, int]:
    """Where a document begins and ends, the marker that opens it included."""
    starts = [match.start() for match in _DOCUMENT.finditer(text)]
    head = text[: starts[0]] if starts else text
    if any(line.strip() and line[0] not in "#%" for line in head.split("\n")):
        starts.insert(0, 0)
    if not 0 <= index < len(starts):
        raise Uneditable("its document cannot be told from the others of the file")
    return starts[index], starts[index + 1] if index + 1 < len(starts) else len(text)


class _Editor:
    """One document's text and its nodes."""

    def __init__(self, text: str) -> None:
        self.text = text if text.endswith("\n") else text + "\n"
        source = Source("", self.text)
        documents, diagnostics = parse_source(source)
        if diagnostics or len(documents) != 1 or not isinstance(source.readable, str):
            raise Uneditable("its document cannot be told from the others of the file")
        root = next(pieces(source.readable)).root
        if root is None:
            raise Uneditable("its document is empty")
        self.root: Node = root

    def apply(self, edit: Edit) -> str:
        """The text with one edit applied."""
        parent, node = self._find(edit.path)
        if node is not None:
            return self._removed(parent, edit.path[-1]) if edit.value is ABSENT else self._replaced(node, edit.value)
        if edit.value is ABSENT:
            return self.text
        return self._added(parent, edit.path[-1], edit.value)

    def _find(self, path: PathParts) -> tuple[Node, Node | None]:
        """The node at a path with the one around it; None for a last part that is not there yet."""
        parent, node = self.root, self.root
        for number, part in enumerate(path):
            if node.alias or _anchored(self.text, node):
                raise Uneditable("it is shared through an anchor")
            parent = node
            found = self._child(node, part)
            if found is None:
                if number + 1 < len(path):
                    raise Uneditable("what holds it is not written out there")
                return parent, None
            node = found
        if node.alias or _anchored(self.text, node):
            raise Uneditable("it is shared through an anchor")
        return parent, node

    def _child(self, node: Node, part: str | int) -> Node | None:
        if isinstance(part, int):
            items = node.children if self._is_list(node) else ()
            return items[part] if 0 <= part < len(items) else None
        if self._is_list(node) or not (node.block == "map" or node.quote == "["):
            raise Uneditable("what holds it is not written out there")
        for key, value in zip(node.children[::2], node.children[1::2], strict=True):
            if self._name(key) == part:
                return value
        return None

    def _is_list(self, node: Node) -> bool:
        return node.block == "seq" or (node.quote == "[" and self.text[node.start] == "[")

    def _name(self, key: Node) -> str:
        documents, _ = parse_source(Source("", f"? {self.text[key.start : key.end]}\n"))
        value = documents[0].value if len(documents) == 1 else None
        return next(iter(value)) if isinstance(value, dict) else ""

    def _replaced(self, node: Node, value: Any) -> str:
        old = self.text[node.start : node.end]
        if not node.block and not isinstance(value, (dict, list)):
            new = scalar_like(value, old)
        elif node.block == "scalar" and isinstance(value, str):
            end = self._end(node)
            return self._put(node.start, end, block_like(value, self.text[node.start : end]))
        elif self._in_flow(node) or node.quote == "[" or (isinstance(value, (dict, list)) and not node.block):
            new = flow(value)
        else:
            raise Uneditable("it is a block of its own that holds more than what changed")
        return self._put(node.start, node.end, new)

    def _put(self, start: int, end: int, new: str) -> str:
        return self.text[:start] + new + self.text[end:]

    def _in_flow(self, node: Node) -> bool:
        return any(
            other.quote == "[" and other.start < node.start and node.end <= other.end for other in _walk(self.root)
        )

    def _end(self, node: Node) -> int:
        """Where the last character of a node stands that is no white space and no comment."""
        while node.block in ("map", "seq") and node.children:
            node = node.children[-1]
        end = node.end
        return len(self.text[:end].rstrip(" \t\n")) if node.block == "scalar" or end > node.start else end

    def _line_end(self, position: int) -> int:
        found = self.text.find("\n", position)
        return len(self.text) if found < 0 else found

    def _line_start(self, position: int) -> int:
        return self.text.rfind("\n", 0, position) + 1

    def _added(self, parent: Node, part: str | int, value: Any) -> str:
        if parent.quote == "[":
            entry = flow(value) if isinstance(part, int) else f"{flow(part)}: {flow(value)}"
            return self._added_in_brackets(parent, entry)
        if parent.block not in ("map", "seq") or not parent.children:
            raise Uneditable("what holds it is not written out there")
        first = parent.children[0].start
        line = self._line_start(first)
        column = (self.text.rindex("-", line, first) if isinstance(part, int) else first) - line
        like = parent.children[-1]
        dense = like.quote == "[" or not like.block
        entry = "\n".join(" " * column + row for row in block_lines(part, value, dense=dense))
        at = self._line_end(self._end(parent))
        return self._put(at, at, "\n" + entry)

    def _added_in_brackets(self, parent: Node, entry: str) -> str:
        if not parent.children:
            opening, closing = self.text[parent.start], self.text[parent.end - 1]
            return self._put(parent.start, parent.end, f"{opening}{entry}{closing}")
        at = self._end(parent.children[-1])
        rest = self.text[at : parent.end]
        if "#" in rest:
            raise Uneditable("a comment stands at the end of what holds it")
        if "\n" not in self.text[parent.start : parent.end]:
            return self._put(at, at, f", {entry}")
        # One entry a line: the new one gets its own, indented like the last one.
        last = parent.children[-2] if self.text[parent.start] == "{" else parent.children[-1]
        line = self._line_start(last.start)
        head = self.text[line : last.start]
        return self._put(at, at, f",\n{head}{entry}" if not head.strip() else f", {entry}")

    def _removed(self, parent: Node, part: str | int) -> str:
        width = 1 if isinstance(part, int) else 2
        places = [
            number
            for number in range(0, len(parent.children), width)
            if (number if isinstance(part, int) else self._name(parent.children[number])) == part
        ]
        first, last = parent.children[places[0]], parent.children[places[0] + width - 1]
        if any(_anchored(self.text, node) for node in _walk(last)):
            raise Uneditable("it holds an anchor that other places may use")
        if len(parent.children) == width:
            if "#" in self.text[parent.start : self._end(parent)]:
                raise Uneditable("it is the last entry, and there are comments beside it")
            empty = "[]" if isinstance(part, int) else "{}"
            return self._put(parent.start, parent.end if parent.quote == "[" else self._end(parent), empty)
        if parent.quote == "[":
            return self._removed_in_brackets(parent, places[0], width)
        start = self._line_start(first.start)
        before = self.text[start : first.start]
        after = self._line_end(self._end(last))
        if before.strip(" -") or (before.count("-") > (1 if isinstance(part, int) else 0)):
            raise Uneditable("it shares its line with what holds it")
        return self._put(start, after + 1, "")

    def _removed_in_brackets(self, parent: Node, place: int, width: int) -> str:
        following = place + width
        if following < len(parent.children):
            start, end = parent.children[place].start, parent.children[following].start
        else:
            start, end = self._end(parent.children[place - 1]), self._end(parent.children[following - 1])
        if "#" in self.text[start:end]:
            raise Uneditable("a comment stands beside it inside brackets")
        return self._put(start, end, "")


def _anchored(text: str, node: Node) -> bool:
    return text[node.start : node.start + 1] == "&"


def _walk(node: Node) -> Sequence[Node]:
    found = [node]
    for child in node.children:
        found += _walk(child)
    return found
