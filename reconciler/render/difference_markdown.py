"""A difference as Markdown for a pull request's comment: folded, safe against what manifests say, never too long to post."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from reconciler.core.difference import Difference, Item, Side, Status, summary
from reconciler.render.difference_rows import NARROWED, SIGNS, item_rows, shown_fields, touched
from reconciler.render.markdown import LIMIT, Budget, bullet, code, comment, details, diff_lines, fenced
from reconciler.render.rows import Room, field_rows

KINDS_SHOWN: Final = 40
_STATUSES: Final[tuple[Status, ...]] = ("added", "changed", "removed", "moved")
_ROOM: Final = Room()


def render_difference_markdown(difference: Difference, *, marker: str = "reconciler-diff", limit: int = LIMIT) -> str:
    """The difference as one comment of less than ``limit`` characters.

    ``marker`` names the comment in a hidden line, so that the next run finds and replaces it.
    """
    stamp = f"---\n\n<sub>{' · '.join(_stamps(difference))}</sub>"
    page = Budget(limit - len(stamp) - 10, elsewhere="`reconciler diff` prints the whole difference.")
    page.add(comment(marker))
    page.add(_title(difference))
    page.add(_table(difference))
    if difference.narrowed:
        page.add(f"_{NARROWED}_ {', '.join(map(code, difference.narrowed))}")
    breaking = difference.breaking
    head = f"### ⛔ Breaking ({len(breaking)})\n\nRecords that are there would not fit any more."
    page.add_all("breaking changes", head, map(_breaking, breaking), len(breaking), share=0.3)
    items = difference.items
    page.add_all("differences", "### Differences", map(_folded, items), len(items), share=0.8)
    for block in _project(difference):
        page.add(block)
    keys = difference.left_out
    page.add_all(
        "manifests", "### Not compared\n\nThe warnings say why.",
        (bullet(code(str(key))) for key in keys), len(keys), share=0.5,
    )  # fmt: skip
    warnings = difference.warnings
    page.add_all("warnings", "### Warnings", (bullet(code(text)) for text in warnings), len(warnings), share=0.9)
    return f"{page.text}\n{stamp}\n"


def _title(difference: Difference) -> str:
    target = f" for {code(difference.target)}" if difference.target else ""
    if difference.differs:
        return f"## Difference{target}: {summary(difference)}"
    return f"## Difference{target}: none\n\n{summary(difference)}."


def _table(difference: Difference) -> str:
    """How many manifests of each kind differ, and how."""
    kinds = sorted({item.key.kind for item in difference.items})
    if not kinds:
        return f"{difference.unchanged} unchanged"
    lines = ["| kind | " + " | ".join(_STATUSES) + " | breaking |", "| --- " + "| ---: " * 5 + "|"]
    for kind in kinds[:KINDS_SHOWN]:
        mine = [item for item in difference.items if item.key.kind == kind]
        counts = [sum(1 for item in mine if item.status == status) for status in _STATUSES]
        counts.append(sum(1 for item in mine if item.breaking))
        lines.append(f"| {code(kind)} | " + " | ".join(str(count or "") for count in counts) + " |")
    return "\n".join(lines) + f"\n\n{difference.unchanged} unchanged"


def _breaking(item: Item) -> str:
    effects = [effect for effect in item.effects if effect.effect == "breaking"]
    what = "; ".join(f"{effect.column}: {effect.message}" for effect in effects)
    touches = f"\n  <br>touches: {code(touched(item))}" if item.touches else ""
    return bullet(f"**{code(str(item.key))}**", code(what)) + touches


def _folded(item: Item) -> str:
    named = item.live_name if item.live_name != item.key.name and item.kind_class == "resource" else ""
    parts = [
        f"{item.status} {code(str(item.key))}",
        f"named {code(named)}" if named else "",
        code(f"{item.mark.file}:{item.mark.line}") if item.mark else "",
        f"from {code(str(item.moved_from))}" if item.moved_from else "",
    ]
    head = f"{SIGNS[item.status]} {' '.join(part for part in parts if part)}"
    lines = diff_lines(item_rows(item, _ROOM))
    return details(head, fenced(lines, "diff")) if lines else bullet(head)


def _project(difference: Difference) -> Iterator[str]:
    rows = [row for field in shown_fields(difference.settings) for row in field_rows(field, _ROOM)]
    if rows:
        yield "### Project file"
        yield fenced(diff_lines(rows), "diff")


def _stamps(difference: Difference) -> Iterator[str]:
    yield f"from {_side(difference.before)}"
    yield f"to {_side(difference.after)}"
    if difference.target:
        yield f"target {code(difference.target)}"


def _side(side: Side) -> str:
    return f"{code(side.label)} {code(side.detail)}" if side.detail else code(side.label)
