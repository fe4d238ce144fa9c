"""Strategies for YAML as people write it: every style, odd indentation, comments and empty lines in odd places.

Every comment, and every value that is to be found again, is a word of its own (``note7``, ``word7``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

PLAIN = (
    "a b",
    "no",
    "1",
    "-1.50",
    "0x1F",
    "~",
    "true",
    "x:y",
    "https://h/p#q",
    "a - b",
    "5 %",
    "é中",
    "!!str 5",
    "",
)
QUOTED = ('"q: #x"', "'it''s'", '"\\t\\\\"', "''", '"é\\n"', "'#'", '"- a"')
MANY_LINES = (
    '"two\n      lines"',
    "'two\n\n   lines'",
    "plain\n   text",
    '"joined \\\n   lines"',
    "plain\n\n      text\n   more",
)
FLOW = (
    "[]",
    "{}",
    "[1, 2]",
    "{a: 1, b: [x, 'y']}",
    "[a,\n  b,\n    c]",
    '[\n   "x" # {note}\n , y\n  ]',
    "{\n a: 1,\n\n b: 2 }",
)
HEADERS = ("|", ">", "|-", ">-", "|+", ">+", "| # {note}")
BLOCKS = (
    ("text",),
    ("one", "two"),
    ("one", "  deeper", "one"),
    ("one", "", "two"),
    ("# no comment", "- no: list"),
    ("x", "", ""),
)


@dataclass
class Writer:
    """Draws one text; ``words`` counts the words given out, ``anchors`` are those that an alias may name."""

    draw: object
    words: int = 0
    anchors: list[str] = field(default_factory=list)

    def pick(self, *choices):
        """One of some values."""
        return self.draw(st.sampled_from(choices))

    def word(self, name: str) -> str:
        """A word that nothing else in the text is."""
        self.words += 1
        return f"{name}{self.words}x"

    def note(self) -> str:
        """A comment behind something, mostly none."""
        return self.pick("", "", "", f" # {self.word('note')}", f"   #{self.word('note')}")

    def between(self) -> list[str]:
        """Lines between two entries: empty ones, and comments at any column."""
        return [self.line_between() for _ in range(self.pick(0, 0, 0, 1, 2, 3))]

    def line_between(self) -> str:
        """An empty line, or a comment."""
        return self.pick("", "   ", " " * self.pick(0, 0, 1, 2, 3, 4, 6) + f"# {self.word('note')}")

    def value(self, depth: int, column: int, in_map: bool) -> tuple[str, list[str]]:
        """A value: what stands behind the key or dash, and the lines below."""
        kind = self.pick(
            "word", "plain", "quoted", "lines", "flow", "block", "alias", *(("map", "seq") * 3 if depth else ())
        )
        if kind == "alias":
            return (f"*{self.pick(*self.anchors)}", []) if self.anchors else (self.word("word"), [])
        anchor = self.word("k") if self.pick(0, 0, 0, 0, 1) else ""
        head = f"&{anchor}" if anchor else ""
        if kind in ("map", "seq"):
            first, lines = self.collection(kind, depth, column, in_map, bool(head))
            first = f"{head} {first}".rstrip() if head else first
        else:
            first, lines = self.leaf(kind, column)
            first = f"{head} {first}".rstrip() if head else first
        if anchor:
            self.anchors.append(anchor)
        return first, lines

    def leaf(self, kind: str, column: int) -> tuple[str, list[str]]:
        """A value that is no block of entries."""
        if kind == "word":
            return self.word("word") + self.note(), []
        if kind == "plain":
            return self.pick(*PLAIN) + self.note(), []
        if kind == "quoted":
            return self.pick(*QUOTED) + self.note(), []
        if kind == "block":
            rows = self.pick(*BLOCKS)
            indent = column + self.pick(1, 2, 4)
            header = self.pick(*HEADERS).replace("{note}", self.word("note"))
            return header, [" " * indent + row if row else "" for row in rows]
        text = self.pick(*(MANY_LINES if kind == "lines" else FLOW)).replace("{note}", self.word("note"))
        first, *rest = text.split("\n")
        lines = [" " * column + line if line else "" for line in rest]
        if not lines:
            return first + self.note(), []
        lines[-1] += self.note()
        return first, lines

    def collection(self, kind: str, depth: int, column: int, in_map: bool, has_head: bool) -> tuple[str, list[str]]:
        """A block of entries: on lines of its own, or for a list's item beginning on the line of the dash."""
        least = 0 if kind == "seq" and in_map else 1
        inner = column + self.pick(least, 1, 2, 2, 3, 4)
        compact = not in_map and not has_head and self.pick(True, True, False)
        gap = inner - column - 1 if compact else 0
        lines = self.entries(kind, depth - 1, inner, first_free=compact)
        if not compact:
            return self.note().strip(), [*self.between(), *lines]
        return " " * gap + lines[0].lstrip(" "), lines[1:]

    def entries(self, kind: str, depth: int, column: int, *, first_free: bool = False) -> list[str]:
        """The lines of a block's entries."""
        lines: list[str] = []
        for number in range(self.pick(1, 2, 3)):
            if number or not first_free:
                lines += self.between()
            mark = "-" if kind == "seq" else self.key()
            first, below = self.value(depth, column, kind == "map")
            spaces = " " * (
                1 if kind == "seq" and below and first and not first.startswith(("|", ">")) else self.pick(1, 1, 3)
            )
            lines += [(" " * column + mark + spaces + first).rstrip(" ") if first else " " * column + mark, *below]
        return lines

    def key(self) -> str:
        """A key with its colon."""
        key = self.word("key")
        return self.pick(f"{key}:", f"{key}:", f'"{key}":', f"{key} :")

    def document(self) -> list[str]:
        """One document."""
        self.anchors = []
        column = self.pick(0, 0, 0, 2)
        kind = self.pick("map", "map", "map", "seq", "leaf")
        if kind == "leaf":
            first, below = self.leaf(self.pick("word", "quoted", "flow"), 1)
            return [*self.between(), first, *below, *self.between()]
        return [*self.between(), *self.entries(kind, 3, column), *self.between()]

    def text(self) -> str:
        """A file of several documents."""
        lines = self.document()
        if self.pick(0, 1):
            lines = [*self.between(), "---" + self.note(), *lines]
        for _ in range(self.pick(0, 0, 0, 1, 2)):
            lines += [*self.pick([], [], ["..."]), "---" + self.note(), *self.document()]
        end = self.pick("\n", "\n", "\n", "", "\n\n")
        return self.pick("\n", "\n", "\n", "\r\n").join(lines) + end


@st.composite
def yaml_texts(draw) -> str:
    """YAML files, nearly all of them valid."""
    return Writer(draw).text()
