"""Colour, and nothing but colour: the words are the same with it and without."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Literal

Style = Literal["", "bold", "dim", "red", "green", "yellow", "cyan", "alarm"]

_CODES: dict[Style, str] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
    "alarm": "1;31",
}


@dataclass(frozen=True, slots=True)
class Paint:
    """Puts ANSI colours around a text, or leaves it alone where there is no colour."""

    color: bool

    def __call__(self, text: str, style: Style) -> str:
        """Paint one text; an empty style, and an empty text, are left as they are."""
        code = _CODES.get(style)
        if not self.color or code is None or not text:
            return text
        return f"\x1b[{code}m{text}\x1b[0m"


def prose(text: str, width: int, *, first: str = "", then: str = "") -> list[str]:
    """A sentence as lines of at most ``width`` columns (0: one line), with an indent for the first and for the others."""
    if width <= 0:
        return [first + text]
    return textwrap.wrap(
        text,
        max(width, len(first) + 20),
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [first.rstrip()]
