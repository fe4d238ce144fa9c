"""Parts of Markdown documents that hold foreign text safely, and a page that never grows beyond its limit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from reconciler.render.escape import comment_text, fence_for, markdown_code, shorten, visible
from reconciler.render.rows import Row

LIMIT = 65_000
"""Characters of a whole page: GitHub refuses comments from 65,536 on."""
BLOCK_LIMIT = 12_000
"""Characters of one resource's block, so that one huge change does not push all others out."""
_LINE_LIMIT = 400
_COUNT_ROOM = 120


@dataclass(slots=True)
class Budget:
    """A page under construction that takes blocks as long as they fit."""

    left: int
    blocks: list[str] = field(default_factory=list)
    elsewhere: str = "`reconciler show` prints the whole plan."

    def add(self, block: str) -> bool:
        """Add a block and the empty line behind it; False, and nothing added, where there is no room for it."""
        needed = len(block) + 2
        if needed > self.left:
            return False
        self.left -= needed
        self.blocks.append(block)
        return True

    def add_all(self, what: str, head: str, blocks: Iterable[str], total: int, *, share: float) -> None:
        """Add a section of ``total`` blocks, as many as fit into a share of what is left; the others are counted."""
        if not total or not self.add(head):
            return
        kept = int(self.left * (1 - share)) + _COUNT_ROOM
        self.left -= kept
        added = 0
        for block in blocks:
            if not self.add(block):
                break
            added += 1
        self.left += kept
        if added < total:
            self.add(f"**{total - added} more {what}** do not fit here; {self.elsewhere}")

    @property
    def text(self) -> str:
        """The page so far."""
        return "\n\n".join(self.blocks) + "\n"


def comment(text: str) -> str:
    """A line that readers of the page do not see."""
    return f"<!-- {comment_text(text)} -->"


def code(text: str) -> str:
    """Foreign text as inline code, cut where it is very long."""
    return markdown_code(shorten(visible(text), _LINE_LIMIT))


def bullet(*parts: str) -> str:
    """One item of a list; the parts are Markdown already."""
    return "- " + " ".join(part for part in parts if part)


def fenced(lines: Sequence[str], language: str) -> str:
    """Lines in a fenced block whose fence none of them can close; too many lines are cut and counted."""
    shown: list[str] = []
    size = 0
    for line in lines:
        size += len(line) + 1
        if size > BLOCK_LIMIT:
            shown.append(f"  … {len(lines) - len(shown)} more lines")
            break
        shown.append(line)
    fence = fence_for(shown)
    return "\n".join([f"{fence}{language}", *shown, fence])


def details(summary: str, body: str, *, is_open: bool = False) -> str:
    """A folded part; the summary is HTML already, the body Markdown."""
    return f"<details{' open' if is_open else ''}>\n<summary>{summary}</summary>\n\n{body}\n\n</details>"


def diff_lines(rows: Sequence[Row]) -> list[str]:
    """Rows as lines of a ``diff`` block: a replacement is a line that goes and a line that comes."""
    lines: list[str] = []
    for row in rows:
        indent = "  " * (row.depth - 1)
        if row.sign == "~" and row.before and row.after:
            lead = f"{indent}{row.lead} " if row.lead else indent
            note = f" {row.note}" if row.note else ""
            lines += [f"- {lead}{row.before}", f"+ {lead}{row.after}{note}"]
        else:
            sign = "!" if row.sign == "~" else row.sign
            lines.append(f"{sign} {indent}{row.text}".rstrip())
    return lines
