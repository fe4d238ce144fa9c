"""The text that documents came from: turns positions into line and column, and lines into excerpts."""

from __future__ import annotations

import codecs
import re
import unicodedata
from bisect import bisect_right
from typing import Final

from reconciler.core.diagnostic import Mark

_FIRST_BYTES: Final = frozenset((b"\x00", b"\xef", b"\xfe", b"\xff"))
_BREAK: Final = re.compile(r"\r\n|\r|\n")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
_SECRET_LINE: Final = re.compile(
    r"""^(?P<key>[\s\-?{,]*["']?[\w.-]*(?:password|passwd|secret|apikey|api_key|refreshtoken|accesstoken|privatekey)"""
    r"""["']?\s*:\s*+)(?P<value>(?!["']?\$\{).+)$""",
    re.IGNORECASE,
)
_WIDTH: Final = 120
_ENCODINGS: Final = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Source:
    """One file as it was read.

    ``name`` is the path relative to the project with forward slashes, ``data`` its bytes without a byte order mark (or its
    text, when it never was bytes). ``digest`` identifies the content in the parse cache. ``documents`` is how many documents
    it holds, ``clean`` whether it was read without any finding: only such a file may be cached. ``readable`` is ``data``, or the
    text that the parser was given in its stead.
    """

    __slots__ = ("_starts", "_text", "clean", "data", "digest", "documents", "name", "readable")

    def __init__(self, name: str, data: bytes | str, digest: bytes = b"") -> None:
        self.name = name
        self.data = data
        self.readable = data
        self.digest = digest
        self.documents = 0
        self.clean = True
        self._text: str | None = data if isinstance(data, str) else None
        self._starts: list[int] | None = None

    @property
    def text(self) -> str:
        """The whole text; bytes that are no UTF-8 show as replacement characters."""
        if self._text is None:
            self._text = bytes(self.data).decode("utf-8", "replace") if not isinstance(self.data, str) else self.data
        return self._text

    @property
    def starts(self) -> list[int]:
        """Where each line begins, as positions in `text`. Lines end with LF, CR LF or CR, as editors count them."""
        if self._starts is None:
            self._starts = [0, *(match.end() for match in _BREAK.finditer(self.text))]
        return self._starts

    def place(self, position: int) -> Mark:
        """The line and column (from 1, in characters) of a position in `text`."""
        position = min(position, len(self.text))
        line = bisect_right(self.starts, position)
        return Mark(self.name, line, position - self.starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1, without its end; empty for a line that does not exist."""
        if not 1 <= number <= len(self.starts):
            return ""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")

    def excerpt(self, mark: Mark) -> str:
        """The line of a mark and, below it, a caret under its column.

        Long lines are cut around the caret, control characters replaced one for one, and what follows a key that is named
        like a secret is hidden, since excerpts end up in logs.
        """
        line, column = self.line(mark.line), mark.column - 1
        secret = _SECRET_LINE.match(line)
        if secret:
            line = f"{secret['key']}…"
            column = min(column, len(secret["key"]))
        line = _CONTROL.sub("\ufffd", line)
        if len(line) > _WIDTH:
            begin = max(0, min(column - _WIDTH // 2, len(line) - _WIDTH))
            cut = line[begin : begin + _WIDTH]
            line = ("…" if begin else "") + cut + ("…" if begin + _WIDTH < len(line) else "")
            column -= begin - (1 if begin else 0)
        return f"{line}\n{''.join(_blank(char) for char in line[:column].ljust(column))}^"


def make_source(content: bytes | str, name: str, digest: bytes = b"") -> Source:
    """The source for a file's content: without its byte order mark, and decoded here where it is UTF-16 or UTF-32."""
    if isinstance(content, str):
        return Source(name, content.removeprefix("\ufeff"), digest)
    if content[:1] not in _FIRST_BYTES:
        return Source(name, content, digest)
    for mark, encoding in _ENCODINGS:
        if content.startswith(mark):
            try:
                return Source(name, content.decode(encoding).removeprefix("\ufeff"), digest)
            except UnicodeDecodeError:
                break
    return Source(name, content.removeprefix(codecs.BOM_UTF8), digest)


def _blank(char: str) -> str:
    """White space as wide as a character is on a terminal."""
    if char == "\t":
        return "\t"
    if unicodedata.combining(char):
        return ""
    return "  " if unicodedata.east_asian_width(char) in "WF" else " "
