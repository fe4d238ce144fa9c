"""libyaml's errors in our words: what is wrong, where to look, and what to write instead."""

from __future__ import annotations

import codecs
import re
from typing import Any, Final

from reconciler.loading import yaml_rules as rules
from reconciler.loading.yaml_problems import Problem
from reconciler.loading.yaml_source import Source

_FORBIDDEN: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")

_TAB: Final = (
    "a tab stands where indentation is expected",
    "YAML is indented with spaces: replace the tab by two spaces",
)
_DIRECTIVE: Final = ("this %-line is not a YAML directive", "remove the line; a value that begins with % needs quotes")
_NAME: Final = (
    "a name is missing after this character",
    "an anchor is written &name and an alias *name; quote a text: '*.js'",
)
_CLOSING: Final = "close it on the same or a later line; a value that contains brackets, braces or commas needs quotes"

_WORDS: Final[tuple[tuple[str, tuple[str, str]], ...]] = (
    ("found a tab character", _TAB),
    (
        "mapping values are not allowed",
        (
            "a key is not allowed here",
            "either the line is indented differently from its neighbours, or a value holds ': ' and needs quotes",
        ),
    ),
    (
        "mapping keys are not allowed",
        ("a key (?) is not allowed here", "a value that begins with '? ' needs quotes"),
    ),
    (
        "block sequence entries are not allowed",
        (
            "a list item (- ) is not allowed here",
            "begin the list on a line of its own; a value that begins with '- ' needs quotes",
        ),
    ),
    (
        "could not find expected ':'",
        ("this line is neither a 'key: value' nor part of the line above", "write ': ' behind the key"),
    ),
    (
        "did not find expected '-' indicator",
        (
            "a list goes on with something that is no item",
            "begin the line with '- ', or indent it like the key it belongs to",
        ),
    ),
    (
        "did not find expected key",
        (
            "a map goes on with something that is no key",
            "write 'key: value', indented like the other keys; behind a quoted value nothing else may stand",
        ),
    ),
    ("did not find expected ',' or ']'", ("this list in brackets is not closed, or lacks a comma", _CLOSING)),
    ("did not find expected ',' or '}'", ("this map in braces is not closed, or lacks a comma", _CLOSING)),
    (
        "did not find expected node content",
        ("a value is expected here", "remove the character, or quote the value that begins with it"),
    ),
    (
        "did not find expected <document start>",
        ("text follows the end of the document", "indent it like the rest, or begin a new document with '---'"),
    ),
    (
        "found unexpected document indicator",
        ("a quoted text is not closed before the next document", "add the closing quote"),
    ),
    ("found unexpected end of stream", ("a quoted text is not closed", "add the closing quote")),
    (
        "found unknown escape character",
        (
            "this escape is unknown in double quotes",
            "write \\\\ for a backslash, or use single quotes, which know no escapes",
        ),
    ),
    (
        "did not find expected hexdecimal number",
        ("this escape lacks digits", "write \\\\ for a backslash; the escapes are \\xNN, \\uNNNN and \\UNNNNNNNN"),
    ),
    (
        "found invalid Unicode character escape code",
        ("this escape is not a character of its own", "write the character itself, or \\UNNNNNNNN with eight digits"),
    ),
    (
        "found undefined tag handle",
        ("this tag is unknown", "remove the tag; quote the value if it is part of the text"),
    ),
    ("found incompatible YAML document", ("this version of YAML is unknown", "remove the line %YAML")),
    (
        "found an indentation indicator equal to 0",
        ("a block text cannot be indented by 0", "write | or >, or a number from 1 to 9"),
    ),
    ("did not find expected alphabetic or numeric character", _NAME),
    ("directive", _DIRECTIVE),
    ("did not find expected digit", _DIRECTIVE),
    ("version number", _DIRECTIVE),
    (
        "did not find expected comment or line break",
        ("nothing else may stand on this line", "move it to a line of its own"),
    ),
)
_NOTHING: Final = re.compile(r"\s*\Z|---(?!\S)|\.\.\.(?!\S)").match
_SCANNING: Final = ("while scanning a directive", "while scanning an anchor", "while scanning an alias")
_FROM_CONTEXT: Final = ("',' or", "end of stream", "document indicator", "expected ':'")


def explain(error: Any, source: Source) -> Problem:
    """The problem behind an exception that libyaml raised while it read a source."""
    if getattr(error, "problem", None) is None:
        return forbidden(source)
    # At the end of the text the place is behind its last character, not on an empty line after it.
    text, position = str(error.problem), min(error.problem_mark.index, len(source.text.rstrip()))
    context = error.context_mark.index if error.context_mark is not None else position
    if "cannot start any token" in text:
        return _wrong_start(source, position)
    if "node content" in text and _NOTHING(source.text, position):
        return Problem(rules.SYNTAX, "a bracket or brace before this place is not closed", position, _CLOSING)
    message, fix = next(
        (words for part, words in _WORDS if part in text), (f"not valid YAML: {text}", "correct the line")
    )
    if "did not find expected key" in text:
        message, fix = _no_key(source.text, position) or (message, fix)
    if error.context in _SCANNING:
        return Problem(rules.SYNTAX, message, context, fix)
    if any(part in text for part in _FROM_CONTEXT) and context != position:
        end = (("it is noticed here", position),) if position < len(source.text.rstrip()) else ()
        return Problem(rules.SYNTAX, message, context, fix, related=end)
    related = (("it begins here", context),) if error.context and "block collection" in error.context else ()
    return Problem(rules.SYNTAX, message, position, fix, related=related)


def _no_key(text: str, position: int) -> tuple[str, str] | None:
    """What it is that stands where a map goes on with no key."""
    if text[position : position + 1] == "-" and not text[position + 1 : position + 2].strip():
        return "a list item stands where a key is expected", "indent it like the other items of its list"
    if text[:position].rstrip(" \t").endswith(("'", '"')):
        fix = "put the whole value between one pair of quotes; inside single quotes, a quote is written twice"
        return "something stands behind a quoted text", fix
    return None


def _wrong_start(source: Source, position: int) -> Problem:
    char = source.text[position : position + 1]
    if char == "\t":
        return Problem(rules.SYNTAX, _TAB[0], position, _TAB[1])
    message = f"a value cannot begin with {char}"
    return Problem(rules.SYNTAX, message, position, "put the whole value in quotes")


def forbidden(source: Source) -> Problem:
    """The problem of a source that libyaml's reader refuses: not UTF-8, or a character that YAML forbids."""
    data = source.data
    if isinstance(data, bytes):
        if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return Problem(rules.CHARACTERS, "the file begins like UTF-16 and is none", 0, "save the file as UTF-8")
        try:
            data.decode("utf-8")
        except UnicodeDecodeError as error:
            position = len(data[: error.start].decode("utf-8"))
            message = f"the byte 0x{data[error.start]:02X} is not UTF-8"
            return Problem(rules.CHARACTERS, message, position, "save the file as UTF-8")
    found = _FORBIDDEN.search(source.text)
    if found is None:
        return Problem(rules.CHARACTERS, "the text cannot be read", 0, "save the file as UTF-8")
    return _character(found.group(), found.start(), source.text)


def _character(char: str, position: int, text: str) -> Problem:
    if char == "\ufeff":
        message = "a byte order mark (U+FEFF) stands inside the text"
        return Problem(rules.CHARACTERS, message, position, "remove it; it is left over where files were joined")
    if char == "\0" and text.count("\0") * 4 > len(text):
        message = "the file looks like UTF-16 without a byte order mark"
        return Problem(rules.CHARACTERS, message, position, "save the file as UTF-8")
    name = "NUL" if char == "\0" else "a surrogate" if "\ud800" <= char <= "\udfff" else "a control character"
    message = f"the character U+{ord(char):04X} ({name}) is not allowed"
    written = 0 < ord(char) < 0x100
    fix = f'remove it, or write it in double quotes as "\\x{ord(char):02x}"' if written else "remove it"
    return Problem(rules.CHARACTERS, message, position, fix)
