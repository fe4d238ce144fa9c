"""The report of an apply as an HTML page: what became of every change, and first of all what was not applied."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from reconciler.core.exchange import Outcome
from reconciler.core.report import Report, Result, Verdict, account
from reconciler.render.accepted_html import acknowledged_section
from reconciler.render.html import NOTHING, Html, el, join
from reconciler.render.html_facts import header_facts, tally
from reconciler.render.html_page import Document, Section, Tile, Tone, render_page
from reconciler.render.html_parts import Entry, badge, entries, place, spaced
from reconciler.render.report_text import SIGNALS
from reconciler.render.rows import SIGNS

_TONES: Final[dict[Verdict, Tone]] = {
    "nothing": "good",
    "applied": "good",
    "partial": "warn",
    "failed": "bad",
    "stale": "warn",
    "denied": "bad",
    "interrupted": "warn",
}
_VERDICTS: Final[dict[Verdict, str]] = {
    "nothing": "Nothing to apply",
    "applied": "All applied",
    "partial": "Partly applied",
    "failed": "Not applied",
    "stale": "Stale: nothing was applied",
    "denied": "Not allowed",
    "interrupted": "Interrupted",
}
_TILES: Final[Sequence[tuple[Outcome, str]]] = (
    ("applied", "create"),
    ("stale", "update"),
    ("failed", "delete"),
    ("skipped", "forget"),
    ("unknown", "delete"),
)


def render_report_html(report: Report) -> str:
    """The whole report as one page."""
    numbered = list(enumerate(report.results))
    open_ones = [(index, result) for index, result in numbered if result.outcome != "applied"]
    done = [(index, result) for index, result in numbered if result.outcome == "applied"]
    sections = [
        _results("open", "Not applied", open_ones, "bad"),
        _diverged(report),
        _results("applied", "Applied", done, ""),
        acknowledged_section(report.acknowledged),
    ]
    header = report.header
    name = SIGNALS.get(report.signal, f"signal {report.signal}")
    lead = (
        f"Interrupted by {name}: what was in flight was finished, nothing new was started." if report.signal else None
    )
    page = Document(
        "Apply",
        f"to {header.target}" if header.target else "",
        _VERDICTS[report.verdict],
        _TONES[report.verdict],
        lead=lead,
        tiles=_tiles(report),
        facts=[
            *header_facts(header)[:3],
            ("Requests", ", ".join(f"{name} {count}" for name, count in sorted(report.requests.items()))),
        ],
        sections=[section for section in sections if section is not None],
        actions=tally(result.outcome for result in report.results),
        kinds=tally(result.key.kind for result in report.results),
        stamps=[
            ("target", header.target),
            ("project", header.stack),
            ("commit", header.commit),
            ("account", account(report)),
        ],
    )
    return render_page(page)


def _tiles(report: Report) -> list[Tile]:
    """How many changes ended how: those that a reader looks for always, the others where there are any."""
    tiles = [
        Tile(name, report.count(name), tone)
        for name, tone in _TILES
        if name in ("applied", "failed") or report.count(name)
    ]
    if report.diverged:
        tiles.append(Tile("not converged", len(report.diverged), "drift"))
    return tiles


def _results(name: str, title: str, results: Sequence[tuple[int, Result]], tone: str) -> Section | None:
    if not results:
        return None
    return Section(name, title, entries(_entries(results), main=True), len(results), tone=tone)


def _entries(results: Iterable[tuple[int, Result]]) -> Iterable[Entry]:
    for index, result in results:
        action = "record" if result.action == "none" else result.action
        aside = spaced([el("span", f"{SIGNS[result.action]} {action}"), place(result.mark)])
        yield Entry(f"r{index}", result.outcome, "", result.outcome, result.key, aside, _why(result), is_open=True)


def _why(result: Result) -> Html:
    """Why a change was not applied, and what to do; nothing where it was."""
    said = result.message or (f"needs {result.because}, which was not applied" if result.because else "")
    if not (said or result.code or result.fix):
        return NOTHING
    return join(
        el("p", join(badge(result.code, "bad"), " ") if result.code else None, said),
        el("p", "Fix: ", result.fix, class_="fix") if result.fix else None,
    )


def _diverged(report: Report) -> Section | None:
    if not report.diverged:
        return None
    items = (
        Entry(f"n{index}", "drift", "", "not converged", key, None, el("p", message), is_open=True)
        for index, (key, message) in enumerate(report.diverged)
    )
    about = "Read back after it was applied, and not as planned."
    return Section("diverged", "Not converged", entries(items), len(report.diverged), about, "warn")
