"""Making text from manifests and tenants harmless where it is printed: terminals, Markdown, HTML, Mermaid.

Nothing that a manifest or a tenant says may move a cursor, reverse the reading order, close a fence or become a link. What
is not printable is shown as an escape, so that the reader sees that something is there.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

ELLIPSIS = "…"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_KEPT_AROUND = 12
_MARKDOWN_ACTIVE = re.compile(r"[^\w\s.,/-]|_", re.ASCII)
_BARE_HOST = re.compile(r"(?i)(www)\.")


def visible(text: str) -> str:
    """Show every unprintable character (control, terminal escape, bidi override, zero width, surrogate) as an escape."""
    if text.isprintable():
        return text
    return "".join(ch if ch.isprintable() else _escape(ch) for ch in text)


def _escape(ch: str) -> str:
    short = _SHORT_ESCAPES.get(ch)
    if short is not None:
        return short
    return f"\\u{ord(ch):04x}" if ord(ch) < 0x10000 else f"\\U{ord(ch):08x}"


def cells(text: str) -> int:
    """Columns that a printable text takes in a terminal: East Asian wide characters take two, combining marks none."""
    if text.isascii():
        return len(text)
    return sum(_cell(ch) for ch in text)


def _cell(ch: str) -> int:
    if unicodedata.combining(ch):
        return 0
    return 2 if unicodedata.east_asian_width(ch) in "WF" else 1


def _head(text: str, room: int) -> str:
    """The longest beginning of a text that takes at most ``room`` columns."""
    if text.isascii():
        return text[:room]
    used = 0
    for index, ch in enumerate(text):
        used += _cell(ch)
        if used > room:
            return text[:index]
    return text


def _tail(text: str, room: int) -> str:
    """The longest end of a text that takes at most ``room`` columns."""
    return _head(text[::-1], room)[::-1] if room > 0 else ""


def shorten(text: str, room: int) -> str:
    """Cut a text in the middle, so that it takes at most ``room`` columns; 0 or less means that there is no limit."""
    if room <= 0 or cells(text) <= room:
        return text
    if room == 1:
        return ELLIPSIS
    front = room // 2
    return _head(text, front) + ELLIPSIS + _tail(text, room - 1 - front)


def shorten_together(texts: Sequence[str], room: int) -> list[str]:
    """Shorten texts that are read against each other: what they share goes first, so that the difference stays in sight."""
    if room <= 0 or all(cells(text) <= room for text in texts):
        return list(texts)
    front, back = _left_out([text for text in texts if len(text) > _KEPT_AROUND], room)
    return [shorten(_window(text, front, back), room) for text in texts]


def _left_out(texts: Sequence[str], room: int) -> tuple[int, int]:
    """How many characters at the beginning and at the end of long texts all of them share and none needs to show."""
    if len(texts) < 2:
        return 0, 0
    front = _shared(texts)
    back = _shared([text[front:][::-1] for text in texts])
    differing = max(len(text) for text in texts) - front - back
    # Even of wide characters, what is kept in front leaves the first difference inside the half that is shown.
    wide = 2 if any(cells(text) > len(text) for text in texts) else 1
    kept = max(min(_KEPT_AROUND, room // 6), (room // wide - 2 - differing) // 2)
    return max(0, front - kept), max(0, back - kept)


def _window(text: str, front: int, back: int) -> str:
    """Leave out the first ``front`` and the last ``back`` characters of a text that has more than those."""
    if len(text) <= front + back:
        return text
    end = len(text) - back
    return (ELLIPSIS if front else "") + text[front:end] + (ELLIPSIS if back else "")


def _shared(texts: Sequence[str]) -> int:
    """How many characters all texts have in common at their beginning."""
    first, last = min(texts), max(texts)
    for index, ch in enumerate(first):
        if index >= len(last) or last[index] != ch:
            return index
    return len(first)


def markdown_code(text: str) -> str:
    """A text as inline code that is safe anywhere in Markdown: in prose, in a table's cell, in a ``<summary>``.

    Everything that Markdown, HTML, a table or an autolinker acts on is a character reference, which none of them acts on;
    and nothing inside ``<code>`` is taken for a mention or an issue's number.
    """
    safe = _MARKDOWN_ACTIVE.sub(lambda found: f"&#{ord(found[0])};" if found[0].isascii() else found[0], visible(text))
    return "<code>" + _BARE_HOST.sub(r"\1&#46;", safe) + "</code>"


def fence_for(lines: Sequence[str]) -> str:
    """A fence of backticks longer than any run of them in the lines."""
    runs = (len(run) for line in lines for run in re.findall("`+", line))
    return "`" * max(3, max(runs, default=0) + 1)


def mermaid_label(text: str) -> str:
    """A text as a quoted Mermaid label: everything but letters, digits and a few harmless marks as character codes."""
    return '"' + re.sub(r"[^\w /.-]", lambda found: f"#{ord(found[0])};", visible(text)) + '"'


def comment_text(text: str) -> str:
    """A text that cannot end the HTML comment that it stands in."""
    return re.sub(r"[<>]|-(?=-)|-$", lambda found: f"&#{ord(found[0])};", visible(text))
