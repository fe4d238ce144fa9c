"""The rules of the YAML that manifests are written in, each with the explanation that ``reconciler explain CODE`` prints."""

from __future__ import annotations

from typing import Final

from reconciler.core.diagnostic import Rule

SYNTAX: Final = Rule(
    "M101",
    "The file is not valid YAML",
    "The text cannot be read as YAML at this place. Frequent causes: a line that is indented with a tab or further than its "
    "neighbours, a value that holds ': ' or begins with a character that YAML gives a meaning to (quote it), a bracket or quote "
    "that is never closed. The other documents and files are checked all the same.",
)
DUPLICATE_KEY: Final = Rule(
    "M102",
    "A key stands twice in one map",
    "YAML maps have each key once. Most tools keep the last value without a word, so that an edit of the first has no effect; "
    "here both places are named and the file is refused. Keys that come from a merge key (<<) may be repeated: own keys win.",
)
TOO_LARGE: Final = Rule(
    "M103",
    "Nested too deep, or aliases that expand to too much",
    "Maps and lists may be nested 100 deep, and the aliases and merge keys of one file may expand to 50,000 values. No real "
    "manifest comes near; a file that does is damaged, or made to exhaust memory.",
)
TAG: Final = Rule(
    "M104",
    "A tag that manifests do not know",
    "Tags such as !Ref or !!python/object ask a parser to build something other than plain data. Manifests are plain data: only "
    "!!str, !!int, !!float, !!bool, !!null, !!seq and !!map are known. References are written as ${ref:Kind/name.field}.",
)
CHARACTERS: Final = Rule(
    "M105",
    "Bytes that are not text, or a character that YAML forbids",
    "Manifests are UTF-8 (UTF-16 is read too when it begins with a byte order mark). NUL and other control characters, and a byte "
    "order mark inside the text, are refused, because they are invisible and never meant. In double quotes, \\t and \\u001b "
    "style escapes can say what a character cannot; NUL is refused even so, since no service stores it.",
)
UNDEFINED_ALIAS: Final = Rule(
    "M106",
    "An alias without its anchor",
    "*name repeats the value marked &name earlier in the same document. Anchors do not reach across '---' or files, and must "
    "stand before their aliases. A string that begins with * needs quotes.",
)
KEY_TYPE: Final = Rule(
    "M107",
    "A key that is not a string",
    "JSON, and so the API, knows only strings as keys. A key such as 404, true or null is read as a number, a boolean or null "
    "unless it is quoted; a list or a map cannot be a key at all.",
)
RECURSIVE_ALIAS: Final = Rule(
    "M108",
    "An alias inside the value that it stands for",
    "The alias would make the value contain itself without end. Move the anchor to the inner part that is meant.",
)
NOT_JSON: Final = Rule(
    "M109",
    "A number that JSON cannot say",
    "Infinity, not-a-number, numbers beyond the range of a 64-bit float and integers of thousands of digits have no JSON form. "
    "Quote the value if the text itself is meant.",
)
MERGE: Final = Rule(
    "M110",
    "A merge key without a map",
    "<<: takes a map, an alias of a map, or a list of these. Quote the key ('<<') if a key of that name is meant.",
)
TAG_MISMATCH: Final = Rule(
    "M111",
    "A value that does not fit its tag",
    "The tag says which type the value has, and the value cannot be read so: !!int abc, !!map on a list. Correct either.",
)
UNREADABLE: Final = Rule(
    "M112",
    "A file that cannot be read",
    "The operating system refuses to open or read the file; the message is its own. The other files are checked all the same.",
)
FORMAT_LOSS: Final = Rule(
    "M113",
    "A file that cannot be formatted without loss",
    "Rewriting the file would change a value or lose a comment, so it is left as it is. This happens with comments in places that "
    "belong to no line of the result, such as inside a list in brackets; move the comment to a line of its own.",
)

RULES: Final = (
    SYNTAX,
    DUPLICATE_KEY,
    TOO_LARGE,
    TAG,
    CHARACTERS,
    UNDEFINED_ALIAS,
    KEY_TYPE,
    RECURSIVE_ALIAS,
    NOT_JSON,
    MERGE,
    TAG_MISMATCH,
    UNREADABLE,
    FORMAT_LOSS,
)
"""All rules of this module, by code."""
