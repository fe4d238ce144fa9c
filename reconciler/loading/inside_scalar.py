"""Where a character of a YAML text's value stands in its source, whatever way the text is written in."""

from __future__ import annotations

import re
from typing import Final

_HEADER: Final = re.compile(r"[|>][-+0-9]*(?:[ \t]+#[^\r\n]*)?[ \t]*(?=[\r\n])")
_WHITE: Final = " \t\r\n"


def position_inside(source: str, start: int, value: str, offset: int) -> int | None:
    """The position in ``source`` of character ``offset`` of a value whose text begins at ``start``.

    Value and source are walked side by side; where white space stands in the one, there is some in the other. None where
    they part: at an alias or a tag, or at an escape that stands for another character.
    """
    quote = source[start : start + 1]
    here = start
    if header := _HEADER.match(source, start):
        here, quote = header.end(), ""
    elif quote in ("'", '"'):
        here += 1
    else:
        quote = ""
    here = _next(source, here) if value[:1].strip() else here
    number = 0
    while number < offset:
        if value[number : number + 1] in tuple(_WHITE):
            while number < offset and value[number : number + 1] in tuple(_WHITE):
                number += 1
            here = _next(source, here)
            continue
        if (source[here : here + 1] == "'" == quote) or (source[here : here + 1] == "\\" and quote == '"'):
            here += 1
        if source[here : here + 1] != value[number : number + 1]:
            return None
        here, number = here + 1, number + 1
    return here


def _next(source: str, position: int) -> int:
    """The next position that holds no white space."""
    while source[position : position + 1] in tuple(_WHITE):
        position += 1
    return position
