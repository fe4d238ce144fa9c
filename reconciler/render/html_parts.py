"""Parts of HTML reports: names, places, badges, foldable entries, and tables of values side by side.

A plan, a report of an apply and a difference of two revisions are all laid out with these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from reconciler.core.compare import FieldChange
from reconciler.core.diagnostic import Mark
from reconciler.core.resource import Key
from reconciler.core.values import ABSENT, MASKED
from reconciler.render.html import NEWLINE, NOTHING, Child, Html, el, join
from reconciler.render.rows import Room, label_of
from reconciler.render.side_by_side import Line, Lines, pair_of, value_lines
from reconciler.render.values import mask_together

FOLDED_FROM: Final = 24
"""Lines of one value that are shown before the rest is folded."""
_ROOM: Final = Room(full=True)

Notes = Callable[[FieldChange], str]


@dataclass(frozen=True, slots=True)
class Entry:
    """One foldable line of a report: what happens (``verb``, in the colour of ``tone``) to which resource, and why.

    ``aside`` stands behind the name, ``body`` is what unfolds (nothing: a plain line). ``anchor`` is its address on the page.
    """

    anchor: str
    tone: str
    sign: str
    verb: str
    key: Key
    aside: Child = None
    body: Html = NOTHING
    is_open: bool = False


def entry(item: Entry) -> Html:
    """An entry of a list. It carries key, verb and kind for scripts that filter, and for programs that read the page."""
    head = join(
        el(
            "span",
            el("span", item.sign, class_="sign", aria_hidden="true") if item.sign else None,
            item.verb,
            class_=f"verb {item.tone}",
        ),
        " ",
        key_name(item.key),
        join(" ", el("span", item.aside, class_="aside")) if item.aside else None,
    )
    inner = (
        el("details", el("summary", head), el("div", item.body, class_="body"), open=item.is_open)
        if item.body
        else el("div", head, class_="flat")
    )
    data = {"data_key": str(item.key), "data_action": item.verb, "data_kind": item.key.kind}
    return el("li", inner, class_=f"entry {item.tone}", id=item.anchor, **data)


def entries(items: Iterable[Entry], *, main: bool = False) -> Html:
    """A list of entries that the page's filters apply to; those of ``main`` lists are what the page counts."""
    return el("ol", *(join(entry(item), NEWLINE) for item in items), class_="entries", role="list", data_main=main)


def key_name(key: Key) -> Html:
    """A key with its kind held back, so that names can be read down a list."""
    return el("span", el("span", f"{key.kind}/", class_="kind"), el("b", key.name), class_="key")


def code(text: str) -> Html:
    """Foreign text by itself."""
    return el("code", text)


def place(mark: Mark | None) -> Html:
    """Where something is declared."""
    return el("code", f"{mark.file}:{mark.line}", class_="place") if mark is not None else NOTHING


def badge(text: str, tone: str) -> Html:
    """A word that stands out."""
    return el("span", text, class_=f"badge {tone}")


def spaced(parts: Iterable[Html]) -> Html:
    """Parts of one line with spaces between them; nothing of what is empty."""
    kept = [part for part in parts if part]
    return Html(" ".join(part.text for part in kept))


def remarks(texts: Iterable[Child]) -> Html:
    """What else there is to say of an entry, a line each."""
    shown = [el("li", text) for text in texts if text]
    return el("ul", *shown, class_="remarks", role="list") if shown else NOTHING


def field_table(
    fields: Sequence[FieldChange],
    heads: tuple[str, str],
    *,
    caption: str,
    note: Notes,
    marks: Mapping[str, Mark] | None = None,
    file: str = "",
) -> Html:
    """Differences field by field, what is live beside what is wanted; a side that nothing has is left out as a column.

    ``heads`` name the sides; ``note`` gives a remark for a field, ``marks`` where each is declared, by label. Of what is
    declared in ``file``, only the line is named.
    """
    rows = [(item, *pair_of(item)) for item in fields]
    left = any(item.live is not ABSENT for item in fields)
    right = any(item.desired is not ABSENT for item in fields) or not left
    columns = [head for head, shown in zip(heads, (left, right), strict=True) if shown]
    body = []
    for item, before, after in rows:
        cells: list[tuple[Lines, str]] = []
        if left:
            cells.append((before, "before" if item.live is not ABSENT else "unset"))
        if right:
            cells.append((after, "after" if item.desired is not ABSENT else "unset"))
        name = _field_name(item, note(item), marks.get(item.label) if marks else None, file)
        body.append((name, cells))
    return value_table(caption, columns, body)


def sides_table(
    fields: Sequence[FieldChange], *, caption: str, note: Notes, marks: Mapping[str, Mark], file: str = ""
) -> Html:
    """Fields that the tenant moved, with all three values: as last applied, in the tenant, in git."""
    body = []
    for item in fields:
        before, after = pair_of(item)
        base: Any = mask_together((item.base, item.live, item.desired))[0]
        if item.secret and base is not ABSENT:
            base = MASKED
        cells = [
            (value_lines(base), "base"),
            (before, "before" if item.live is not ABSENT else "unset"),
            (after, "after" if item.desired is not ABSENT else "unset"),
        ]
        body.append((_field_name(item, note(item), marks.get(item.label), file), cells))
    return value_table(caption, ["As last applied", "In the tenant", "In git"], body)


def _field_name(item: FieldChange, note: str, mark: Mark | None, file: str) -> Html:
    where = el("span", f"line {mark.line}", class_="place") if mark is not None and mark.file == file else place(mark)
    return join(
        el("code", label_of(item.path, item.keyed, _ROOM)),
        join(" ", where) if where else None,
        el("span", note, class_="note") if note else None,
    )


def value_table(caption: str, columns: Sequence[str], rows: Iterable[tuple[Html, Sequence[tuple[Lines, str]]]]) -> Html:
    """A table of named rows, each with a cell of lines for every column; a cell's word is its class."""
    # Roles are spelt out, as some browsers forget them where a narrow page lays the cells below each other.
    heads = [el("th", head, scope="col", role="columnheader") for head in ("Field", *columns)]
    body = [
        el(
            "tr",
            el("th", name, scope="row", role="rowheader"),
            *(
                el("td", _cell(lines), class_=name_, role="cell", data_head=head)
                for head, (lines, name_) in zip(columns, cells, strict=True)
            ),
            role="row",
        )
        for name, cells in rows
    ]
    return el(
        "table",
        el("caption", caption, class_="spoken"),
        el("thead", el("tr", *heads, role="row"), role="rowgroup"),
        el("tbody", *body, role="rowgroup"),
        role="table",
        class_=f"values sides{len(columns)}",
    )


def _cell(lines: Lines) -> Html:
    if len(lines) <= FOLDED_FROM + 4:
        return el("pre", _lines(lines))
    rest = lines[FOLDED_FROM:]
    folded = el("details", el("summary", f"{len(rest)} more lines"), el("pre", _lines(rest)), class_="rest")
    return join(el("pre", _lines(lines[:FOLDED_FROM])), folded)


def _lines(lines: Iterable[Line]) -> Html:
    return Html("\n".join(_line(line).text for line in lines))


def _line(line: Line) -> Html:
    if line.remark:
        return el("i", *(run.text for run in line.runs))
    inner = join(*(el("mark", run.text) if run.changed else run.text for run in line.runs))
    return el("span", inner, class_="moved") if line.changed else inner
