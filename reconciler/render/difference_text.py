"""A difference as text for a terminal, or plain for a pipe: the same words, with colour or without."""

from __future__ import annotations

from reconciler.core.difference import Difference, Item
from reconciler.render.difference_rows import NARROWED, SIGNS, about, first_line, item_rows, origin, shown_fields
from reconciler.render.escape import cells, visible
from reconciler.render.page import INDENT, SIGN_STYLES, Page
from reconciler.render.rows import field_rows
from reconciler.render.style import Paint


def render_difference_text(difference: Difference, *, width: int = 0, color: bool = False, full: bool = False) -> str:
    """The whole difference: summary, what breaks records, the items by key, the project's settings, what else to know.

    ``width`` is the terminal's, in columns; 0 is no limit. ``full`` shortens nothing.
    """
    page = Page(width, Paint(color), full)
    page.add(first_line(difference), "bold")
    page.add(origin(difference), "dim")
    if difference.narrowed:
        page.add(f"{NARROWED} {', '.join(map(visible, difference.narrowed))}", "dim")
    if breaking := difference.breaking:
        page.heading(f"Breaking ({len(breaking)}): records that are there would not fit any more")
        for item in breaking:
            page.add(f"! {visible(str(item.key))}", "alarm", indent=1, hang=2)
    if difference.items:
        page.heading(f"Differences ({len(difference.items)})")
        for item in difference.items:
            _add(page, item)
    if difference.settings:
        page.heading(f"Project file ({len(difference.settings)})")
        for field in shown_fields(difference.settings):
            page.rows(field_rows(field, page.room))
    if difference.left_out:
        page.heading(f"Not compared ({len(difference.left_out)}): the warnings say why")
        for key in difference.left_out:
            page.add(f"· {visible(str(key))}", indent=1, hang=2)
    if difference.warnings:
        page.heading(f"Warnings ({len(difference.warnings)})")
        for warning in difference.warnings:
            page.add(f"! {visible(warning)}", "yellow", indent=1, hang=2)
    return page.text


def _add(page: Page, item: Item) -> None:
    sign = SIGNS[item.status]
    lead, rest = f"{sign} {item.status} {visible(str(item.key))}", about(item)
    painted = page.paint(lead, SIGN_STYLES[sign])
    if page.width > 0 and rest and cells(lead) + cells(rest) + 4 > page.width:
        page.lines.append(INDENT + painted)
        page.add(rest, "dim", indent=3)
    else:
        page.lines.append(INDENT + painted + ("  " + page.paint(rest, "dim") if rest else ""))
    page.rows(item_rows(item, page.room))
