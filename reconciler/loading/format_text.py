"""Moves values that take several lines to another indentation without changing what they mean."""

from __future__ import annotations

import re
from typing import Final

from reconciler.loading.format_nodes import Node
from reconciler.loading.format_scanner import Unformattable

_HEADER: Final = re.compile(r"(?P<before>(?:[&!]\S*[ \t]+)*)(?P<style>[|>])(?P<flags>[-+1-9]*)(?P<comment>[ \t]+#.*)?")


def scalar_lines(text: str, node: Node, indent: int) -> list[str]:
    """Plain or quoted text; the lines after the first go to ``indent``. White space around line breaks has no meaning."""
    first, *rest = text[node.start : node.end].split("\n")
    parts = (_trimmed(part.lstrip(" \t")) for part in rest)
    return [_trimmed(first) if rest else first, *(" " * indent + part if part else "" for part in parts)]


def collection_lines(text: str, node: Node, indent: int) -> list[str]:
    """A list or map in brackets, for an entry at ``indent``: its lines keep their places towards each other.

    The leftmost goes to the level inside the entry, and a closing bracket that ends it all to the entry's own.
    """
    first, *rest = text[node.start : node.end].expandtabs(2).split("\n")
    parts = [_trimmed(line.lstrip(" ")) for line in rest]
    columns = [len(line) - len(line.lstrip(" ")) for line in rest]
    closing = bool(parts) and len(parts[-1]) == 1
    inner = [column for part, column in zip(parts, columns, strict=True) if part][: -1 if closing else None]
    moved = max(indent + 2, 2) - min(inner, default=0)
    lines = [" " * (column + moved) + part if part else "" for part, column in zip(parts, columns, strict=True)]
    if closing:
        lines[-1] = " " * max(indent, 0) + parts[-1]
    return [_trimmed(first) if rest else first, *lines]


def block_scalar(text: str, node: Node, parent: int, indent: int, *, terminated: bool) -> tuple[list[str], int, bool]:
    """Block text, moved to ``indent``: its lines, where it ends in the text, and whether that is on a new line.

    ``parent`` is the column of the entry that it belongs to, which an explicit indentation counts from. Without
    ``terminated`` the last line break of the text was added to it, and must not become part of this value.
    """
    line_end = text.find("\n", node.start)
    header = _HEADER.fullmatch(text[node.start : line_end].rstrip())
    if header is None:
        raise Unformattable("the anchor or tag of this block text stands on a line of its own", node.start)
    *rows, _ = text[line_end + 1 : node.end].split("\n")
    rows = [] if line_end + 1 >= node.end else rows
    digits = header["flags"].strip("+-")
    old = parent + int(digits) if digits else _content_indent(rows)
    last = max((number for number, row in enumerate(rows, 1) if row.strip(" ") or len(row) > old), default=0)
    chomp = "".join(sign for sign in header["flags"] if sign in "+-")
    keep = chomp == "+"
    if not terminated and node.end >= len(text) and last == len(rows) > 0:
        chomp, keep = "-", False
    kept = rows if keep else rows[:last]
    flags = ("2" if digits else "") + chomp
    head = f"{header['before']}{header['style']}{flags}{header['comment'] or ''}"
    lines = [head, *(" " * indent + row[old:] if len(row) > old else "" for row in kept)]
    end = line_end + sum(len(row) + 1 for row in kept)
    return (lines, end + 1, True) if keep else (lines, end, False)


def _content_indent(rows: list[str]) -> int:
    """The indentation that the first line with content sets."""
    return next((len(row) - len(row.lstrip(" ")) for row in rows if row.strip(" ")), 0)


def _trimmed(part: str) -> str:
    """Without blanks at the end, but for one that a backslash makes part of the text."""
    short = part.rstrip(" \t")
    slashes = len(short) - len(short.rstrip("\\"))
    return part[: len(short) + 1] if slashes % 2 and len(part) > len(short) else short
