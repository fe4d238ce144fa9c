"""The nodes of a YAML text with the places where they begin and end: what formatting needs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from _ruamel_yaml import CParser
from ruamel.yaml.events import (
    AliasEvent,
    DocumentEndEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    StreamEndEvent,
)

_ENDS = (SequenceEndEvent, MappingEndEvent)


class Node:
    """A value or key: ``text[start:end]`` is how it is written, tag and anchor included.

    ``block`` is ``map``, ``seq`` or ``scalar`` for what is laid out by indentation, and empty for everything that stands on
    its own: plain and quoted text, aliases, collections in brackets. ``children`` are the nodes inside a block, keys and
    values in turn. ``quote`` is the quotation mark of a quoted text, and a bracket for a collection in
    brackets or braces.
    """

    __slots__ = ("alias", "block", "children", "end", "quote", "start")

    def __init__(self, start: int, end: int, block: str = "", quote: str = "", *, alias: bool = False) -> None:
        self.start = start
        self.end = end
        self.block = block
        self.quote = quote
        self.alias = alias
        self.children: list[Node] = []


class Piece:
    """One document: its root (None when it is empty), and which of its markers are written out."""

    __slots__ = ("ended", "root", "started")

    def __init__(self, root: Node | None, *, started: bool, ended: bool) -> None:
        self.root = root
        self.started = started
        self.ended = ended


def pieces(text: str) -> Iterator[Piece]:
    """The documents of a text that is known to be valid; it may hold stand-ins (see `Source.readable`)."""
    get = CParser(text).get_event
    get()
    while (event := get()).__class__ is not StreamEndEvent:
        started: DocumentStartEvent = event
        root = _node(get(), get)
        ended: DocumentEndEvent = get()
        empty = root.start == root.end and not root.block
        yield Piece(None if empty else root, started=started.explicit, ended=ended.explicit)


def _node(event: Any, get: Any) -> Node:
    cls = event.__class__
    start = event.start_mark.index
    if cls is ScalarEvent:
        block = "scalar" if event.style in ("|", ">") else ""
        return Node(start, event.end_mark.index, block, event.style if event.style in ("'", '"') else "")
    if cls is AliasEvent:
        return Node(start, event.end_mark.index, alias=True)
    block = "" if event.flow_style else "map" if cls is MappingStartEvent else "seq"
    node = Node(start, start, block, "[" if event.flow_style else "")
    while (event := get()).__class__ not in _ENDS:
        node.children.append(_node(event, get))
    node.end = event.end_mark.index
    return node
