"""Reads what stands between the values of a YAML text: white space, indicators and comments."""

from __future__ import annotations

from dataclasses import dataclass, field


class Unformattable(Exception):
    """The text is valid, yet written in a way that this layout cannot keep; ``position`` counts characters."""

    def __init__(self, message: str, position: int) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(frozen=True, slots=True)
class Comment:
    """A comment, or a %-directive, which is kept the same way.

    ``column`` counts from 0. ``spaces`` are how many stand before a comment that trails something else on its line, and 0
    for one on a line of its own; ``blank`` is whether an empty line stands before it.
    """

    text: str
    column: int
    spaces: int
    blank: bool


@dataclass(slots=True)
class Gap:
    """What was between two values: the comments, and whether an empty line stands before what follows."""

    comments: list[Comment] = field(default_factory=list)
    blank: bool = False


class Scanner:
    """Walks through a text from value to value.

    ``position`` is how far it is; ``fresh`` that nothing but white space stands before it on its line.
    """

    __slots__ = ("fresh", "position", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.fresh = True

    def column(self, position: int) -> int:
        """The column of a position, from 0."""
        return position - (self.text.rfind("\n", 0, position) + 1)

    def skip(self, position: int, *, fresh: bool = False) -> None:
        """Go on behind a value."""
        self.position = position
        self.fresh = fresh

    def gap(self, stop: int, indicator: str = "", *, optional: bool = False) -> Gap:
        """Read up to a position, or up to and over an indicator before it.

        Raises `Unformattable` when anything else stands there, or when an indicator that is not ``optional`` does not.
        """
        text, position = self.text, self.position
        found, newlines = Gap(), 0
        while position < stop:
            char = text[position]
            if char in " \t":
                position += 1
            elif char == "\n":
                newlines += 1
                position += 1
            elif char == "#" or (char == "%" and indicator == "---" and self.column(position) == 0):
                end = text.find("\n", position)
                found.comments.append(self._comment(position, end, newlines))
                position, newlines, self.fresh = end, 0, False
            elif indicator and text.startswith(indicator, position):
                position += len(indicator)
                break
            else:
                raise Unformattable("this text cannot be told from its surroundings", position)
        else:
            if indicator and not optional:
                raise Unformattable(f"the indicator {indicator} is not where it is expected", min(position, len(text)))
        found.blank = newlines > 1
        self.skip(position)
        return found

    def _comment(self, position: int, end: int, newlines: int) -> Comment:
        before = self.text[:position] if position < 64 else self.text[position - 64 : position]
        spaces = len(before) - len(before.rstrip(" \t"))
        if not newlines and not self.fresh and not spaces:
            raise Unformattable("a comment needs a space before it", position)
        trailing = not newlines and not self.fresh
        text = self.text[position:end].rstrip()
        return Comment(text, self.column(position), spaces if trailing else 0, newlines > 1)
