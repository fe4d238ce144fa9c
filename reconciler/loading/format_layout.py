"""Lays a YAML text out anew: indentation, dashes and the order of a manifest's keys change, what is written does not.

Values are copied as they stand in the text, quotes, anchors, tags and comments included; only the white space around them
is this module's own. A comment on a line of its own is indented like the block that it stood in, judged by its column.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from reconciler.loading.format_nodes import Node, pieces
from reconciler.loading.format_scanner import Comment, Gap, Scanner, Unformattable
from reconciler.loading.format_text import block_scalar, collection_lines, scalar_lines

_PROPERTIES: Final = re.compile(r"(?:[&!]\S*(?:[ \t]+|(?=\n)))+")
_TOP: Final = ("apiVersion", "kind", "metadata", "spec")
_ORDERS: Final[dict[str, Sequence[str]]] = {"metadata": ("name",)}


class Layout:
    """One formatting of one text, which ends with a newline and holds no carriage return; ``readable``: what to parse.

    ``lines`` are the result so far and ``comments`` the texts of all comments met. ``reorder`` is whether the keys of
    manifests are put into their usual order.
    """

    def __init__(self, text: str, readable: str, *, terminated: bool = True, reorder: bool = True) -> None:
        self.text = text
        self._readable = readable
        self.lines: list[str] = []
        self.comments: list[str] = []
        self._scan = Scanner(text)
        self._terminated = terminated
        self._reorder = reorder
        self._closed: list[tuple[int, int]] = []
        self._inline = False
        self._blank = False

    def run(self) -> str:
        """The text in its new layout; raises `Unformattable`."""
        for number, piece in enumerate(pieces(self._readable)):
            if piece.started:
                self._put(self._scan.gap(len(self.text), "---"), 0, 0)
            if piece.started or number:
                self._blank = self._inline = False
                self._content("---", 0)
            if piece.root is not None:
                self._value(piece.root, -2, 0, "root")
            if piece.ended:
                self._put(self._scan.gap(len(self.text), "..."), 0, 0)
                self._scan.fresh = True
        self._put(self._scan.gap(len(self.text)), 0, 0)
        return "\n".join(self.lines) + "\n" if self.lines else ""

    def _content(self, text: str, indent: int) -> None:
        """Add something written: on a new line, or on the last one where that is still open."""
        if self._inline:
            self.lines[-1] += f" {text}"
        else:
            self._empty_line()
            self.lines.append(" " * indent + text)
        self._inline = self._blank = False
        self._closed = []

    def _empty_line(self) -> None:
        if self._blank and self.lines and self.lines[-1] not in ("", "---"):
            self.lines.append("")

    def _put(self, gap: Gap, indent: int, column: int) -> int:
        """Add the comments of a gap inside a block; returns the line where those that belong to what follows begin."""
        own = -1
        for comment in gap.comments:
            self.comments.append(comment.text)
            if comment.spaces:
                self.lines[-1] += " " * comment.spaces + comment.text
                continue
            depth = self._depth(comment, indent, column)
            begin = len(self.lines)
            self._blank = comment.blank
            self._empty_line()
            self.lines.append(" " * depth + comment.text)
            own = begin if own < 0 and depth == indent else own
        self._blank = gap.blank or (self._blank and not gap.comments)
        return own if own >= 0 else len(self.lines)

    def _depth(self, comment: Comment, indent: int, column: int) -> int:
        """The indentation for a comment: that of the innermost block, just ended or going on, that it can have stood in."""
        if comment.text.startswith("%"):
            return 0
        chosen: tuple[int, int] | None = None
        for block in (*self._closed, (column, indent)):
            if chosen is None:
                chosen = block if comment.column >= block[0] else None
            elif block[0] == chosen[0] == comment.column:
                # A list that is not indented stands where its map does: the comment is about the map's next key.
                chosen = block
        return chosen[1] if chosen else indent

    def _value(self, node: Node, indent: int, column: int, place: str, order: Sequence[str] = ()) -> None:
        """Add a value that belongs to an entry at ``indent``, which stood at ``column``; ``place``: map, seq or root."""
        if node.start == node.end and not node.block:
            return
        gap = self._scan.gap(node.start)
        begin = len(self.lines)
        self._put(gap, indent + 2, column)
        self._inline = place != "root" and not gap.comments
        self._blank = gap.blank and bool(gap.comments)
        if node.block in ("map", "seq"):
            has_properties = self._properties(node, indent + 2)
            if has_properties or place == "map":
                self._inline = False
            if node.block == "seq":
                self._sequence(node, indent + 2)
            elif place == "root":
                self._mapping(node, indent + 2, self._head(begin, gap), self._order(node))
            else:
                self._mapping(node, indent + 2, begin if gap.comments else len(self.lines), order)
        elif node.block:
            self._block_scalar(node, indent, column)
        else:
            self._flow(node, indent)

    def _head(self, begin: int, gap: Gap) -> int:
        """Where the first entry of a document begins: comments on top are the file's, unless an empty line parts them."""
        end = len(self.lines)
        empty = [number for number in range(begin, end) if not self.lines[number]]
        return empty[-1] if empty and not gap.blank else end

    def _order(self, root: Node) -> Sequence[str]:
        keys = {self.text[key.start : key.end] for key in root.children[::2]}
        return _TOP if {"apiVersion", "kind"} <= keys else ()

    def _properties(self, node: Node, indent: int) -> bool:
        """Add the anchor and tag of a block, if it has any."""
        found = _PROPERTIES.match(self.text, node.start, node.children[0].start)
        # On the line of its first key an anchor is the key's, and then the map begins with the key.
        if found is None or node.children[0].start == node.start:
            return False
        self._content(" ".join(found.group().split()), indent)
        self._scan.skip(found.end())
        return True

    def _sequence(self, node: Node, indent: int) -> None:
        column = -1
        for item in node.children:
            gap = self._scan.gap(len(self.text), "-")
            column = column if column >= 0 else self._scan.column(self._scan.position - 1)
            self._put(gap, indent, column)
            self._content("-", indent)
            self._value(item, indent, column, "seq")
        self._closed.append((column, indent))

    def _mapping(self, node: Node, indent: int, begin: int, order: Sequence[str] = ()) -> None:
        starts: list[int] = []
        names: list[str] = []
        column = self._scan.column(node.children[0].start)
        for key, value in zip(node.children[::2], node.children[1::2], strict=True):
            name = self.text[key.start : key.end]
            own = self._key(key, name, indent, column)
            starts.append(own if starts else begin)
            names.append(name)
            self._value(value, indent, column, "map", _ORDERS.get(name, ()) if order is _TOP else ())
        if order and self._reorder:
            self._arrange(starts, [order.index(name) if name in order else len(order) for name in names])
        self._closed.append((column, indent))

    def _key(self, key: Node, name: str, indent: int, column: int) -> int:
        """Add a key; returns the line where it begins, its comments included."""
        own = self._put(self._scan.gap(key.start, "?", optional=True), indent, column)
        if key.block or "\n" in name or self._scan.gap(key.start).comments:
            raise Unformattable("this key takes more than one line", key.start)
        self._content(f"{name} :" if key.alias else f"{name}:", indent)
        self._scan.skip(key.end)
        if self._scan.gap(len(self.text), ":").comments:
            raise Unformattable("a comment stands between this key and its colon", key.start)
        return own

    def _arrange(self, starts: list[int], ranks: list[int]) -> None:
        """Put the entries of the map that was added last into the order of their ranks; empty lines stay where they are."""
        wanted = sorted(range(len(ranks)), key=ranks.__getitem__)
        if wanted == list(range(len(ranks))):
            return
        entries = [self.lines[begin:end] for begin, end in zip(starts, [*starts[1:], len(self.lines)], strict=True)]
        gaps = [entry[:1] == [""] for entry in entries]
        bodies = [entry[1:] if gap else entry for entry, gap in zip(entries, gaps, strict=True)]
        del self.lines[starts[0] :]
        for gap, number in zip(gaps, wanted, strict=True):
            self.lines += ["", *bodies[number]] if gap else bodies[number]
        self._closed = []

    def _block_scalar(self, node: Node, indent: int, column: int) -> None:
        least = max(indent + 2, 2)
        rows, end, fresh = block_scalar(self.text, node, column, least, terminated=self._terminated)
        self._content(rows[0], max(indent + 2, 0))
        self.lines += rows[1:]
        self._scan.skip(end, fresh=fresh)

    def _flow(self, node: Node, indent: int) -> None:
        """Add text or a collection that stands on its own, on one line or several."""
        if node.quote == "[":
            rows = collection_lines(self.text, node, indent)
        else:
            rows = scalar_lines(self.text, node, max(indent + 2, 2))
        self._content(rows[0], max(indent + 2, 0))
        self.lines += rows[1:]
        self._scan.skip(node.end)
