"""Lines for a terminal or a pipe: how wide they are, how they are painted, and how a change's rows become lines."""

from __future__ import annotations

from dataclasses import dataclass, field

from reconciler.core.plan import Change
from reconciler.render.escape import cells, visible
from reconciler.render.rows import SIGNS, Room, Row, rows_of
from reconciler.render.style import Paint, Style, prose

SIGN_STYLES: dict[str, Style] = {
    "+": "green",
    "-": "red",
    "~": "yellow",
    "±": "cyan",
    "·": "dim",
    "=": "dim",
    "!": "alarm",
    " ": "",
}
INDENT = "  "


@dataclass(frozen=True, slots=True)
class Page:
    """A text under construction: its ``width`` in columns (0: no limit), its paint, and the lines so far."""

    width: int
    paint: Paint
    full: bool = False
    lines: list[str] = field(default_factory=list)

    @property
    def room(self) -> Room:
        """The room that a change's rows have here."""
        return Room(self.width, len(INDENT), self.full)

    @property
    def text(self) -> str:
        """All lines, each ended."""
        return "".join(f"{line}\n" for line in self.lines)

    def add(self, text: str, style: Style = "", *, indent: int = 0, hang: int = 0) -> None:
        """Add a sentence, wrapped to the width; its further lines stand ``hang`` columns further in."""
        first = INDENT * indent
        self.lines.extend(
            self.paint(line, style) for line in prose(text, self.width, first=first, then=first + " " * hang)
        )

    def heading(self, text: str) -> None:
        """Begin a section: an empty line, and what it is about."""
        self.lines.append("")
        self.add(text, "bold")

    def change(self, change: Change) -> None:
        """Add one change: its title, and its rows below."""
        self.title(change)
        self.rows(rows_of(change, self.room))

    def title(self, change: Change) -> None:
        """Add the title of a change: what happens to what, where it is declared, and why."""
        sign = SIGNS[change.action]
        lead = f"{sign} {verb(change)} {visible(str(change.key))}"
        rest = about(change)
        if self.width > 0 and rest and cells(lead) + cells(rest) + 4 > self.width:
            self.lines.append(INDENT + self.paint(lead, SIGN_STYLES[sign]))
            self.add(rest, "dim", indent=3)
            return
        tail = "  " + self.paint(rest, "dim") if rest else ""
        self.lines.append(INDENT + self.paint(lead, SIGN_STYLES[sign]) + tail)

    def rows(self, rows: list[Row]) -> None:
        """Add the rows of a change; remarks are wrapped, values were made to fit before."""
        for row in rows:
            style = SIGN_STYLES[row.sign]
            if row.sign in " !":
                lead = "! " if row.sign == "!" else ""
                self.add(lead + row.text, style, indent=row.depth + 1, hang=2)
            else:
                self.lines.append(self.paint(f"{INDENT * (row.depth + 1)}{row.sign} {row.text}", style))


def verb(change: Change) -> str:
    """The word for what happens to a resource."""
    if change.action == "none":
        return "check" if change.unchecked else "record"
    return change.action


def about(change: Change) -> str:
    """What stands behind a change's name: the live name where it is another, the source, and the reason."""
    parts = []
    if change.live_name and change.live_name != change.key.name:
        parts.append(f"named {visible(change.live_name)}")
    if change.mark is not None:
        parts.append(f"{visible(change.mark.file)}:{change.mark.line}")
    if change.action in ("delete", "adopt", "forget") and change.resource_id:
        parts.append(f"id {visible(change.resource_id)}")
    if change.action == "delete" and (who := writer(change)):
        parts.append(who)
    why = reason(change)
    return "  ".join(part for part in (", ".join(parts), f"({why})" if why else "") if part)


def reason(change: Change) -> str:
    """Why a change is made, where its action alone does not say."""
    parts = []
    if change.reason == "missing":
        parts.append("missing: it is gone from the tenant")
    elif change.reason:
        parts.append(visible(change.reason))
    if change.moved_from is not None and not change.reason.startswith("moved from"):
        parts.append(f"moved from {visible(str(change.moved_from))}")
    return ", ".join(parts)


def writer(change: Change) -> str:
    """Who wrote the live resource last, and when, as far as the tenant says so."""
    by, time = change.modified
    if not by and not time:
        return ""
    who = f" by {visible(by)}" if by else ""
    when = f" at {visible(time)}" if time else ""
    return f"last written{who}{when}"
