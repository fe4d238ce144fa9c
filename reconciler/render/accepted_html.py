"""What was accepted although a guard does not, as a part of an HTML page: of a plan's and of a report's."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.core.plan import Acknowledged
from reconciler.render.html import el
from reconciler.render.html_page import Section
from reconciler.render.html_parts import badge
from reconciler.render.plan_text import acceptance


def acknowledged_section(acknowledged: Sequence[Acknowledged]) -> Section | None:
    """The section with a line for each, by whom and why; None where nothing was accepted."""
    if not acknowledged:
        return None
    items = (
        el("li", el("p", badge(item.accepts, ""), " ", item.message), el("p", acceptance(item), class_="fix"))
        for item in acknowledged
    )
    body = el("ul", *items, class_="lines", role="list")
    return Section("acknowledged", "Acknowledged", body, len(acknowledged), "Accepted although a guard does not.")
