"""Plans, drift and reports in the formats that commands offer; a renderer is imported when it is asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from reconciler.core.plan import Plan
    from reconciler.core.report import Report
    from reconciler.core.written_back import WrittenBack
    from reconciler.engine.drift import Drift

REPORTS: Final = ("markdown", "html", "json", "junit", "github")
"""What ``--report FORMAT=FILE`` may name."""

FORMATS: Final = ("text", "json", "markdown", "html", "github")
"""What ``--format`` may name where a plan is the document."""


def plan_as(form: str, plan: Plan, *, width: int = 0, color: bool = False, full: bool = False) -> str:
    """A plan in one of `FORMATS` or `REPORTS`; ``width``, ``color`` and ``full`` are for text."""
    if form == "json":
        from reconciler.render.document import render_plan_json

        return render_plan_json(plan)
    if form == "markdown":
        from reconciler.render.plan_markdown import render_plan_markdown

        return render_plan_markdown(plan)
    if form == "html":
        from reconciler.render.plan_html import render_plan_html

        return render_plan_html(plan)
    if form == "junit":
        from reconciler.render.plan_junit import render_plan_junit

        return render_plan_junit(plan)
    if form == "github":
        from reconciler.render.plan_github import render_plan_github

        return render_plan_github(plan)
    from reconciler.render.plan_text import render_plan_text

    return render_plan_text(plan, width=width, color=color, full=full)


def drift_as(form: str, found: Drift, *, unmanaged: bool = False, written: WrittenBack | None = None) -> str:
    """Drift in one of `REPORTS`, with what no manifest declares where ``unmanaged`` asks for it.

    ``written`` is what became of writing it back, if anybody asked for that.
    """
    others = found.unmanaged if unmanaged else ()
    more = {} if written is None else {"writeBack": written.to_json()}
    if form == "json":
        return found.to_json(unmanaged=unmanaged, more=more) + "\n"
    if form == "html":
        from reconciler.render.drift_html import render_drift_html

        return render_drift_html(found.plan, others, written)
    if form == "junit":
        from reconciler.render.plan_junit import render_drift_junit

        return render_drift_junit(found.plan)
    if form == "github":
        from reconciler.render.plan_github import render_drift_github

        return render_drift_github(found.plan)
    from reconciler.render.drift_markdown import render_drift_markdown

    return render_drift_markdown(found.plan, others, written)


def report_as(form: str, report: Report, *, width: int = 0, color: bool = False, full: bool = False) -> str:
    """The report of an apply in one of `FORMATS` or `REPORTS`; ``width``, ``color`` and ``full`` are for text."""
    if form == "json":
        from reconciler.render.document import render_report_json

        return render_report_json(report)
    if form == "markdown":
        from reconciler.render.report_markdown import render_report_markdown

        return render_report_markdown(report)
    if form == "html":
        from reconciler.render.report_html import render_report_html

        return render_report_html(report)
    if form == "junit":
        from reconciler.render.plan_junit import render_report_junit

        return render_report_junit(report)
    if form == "github":
        from reconciler.render.plan_github import render_report_github

        return render_report_github(report)
    from reconciler.render.report_text import render_report_text

    return render_report_text(report, width=width, color=color, full=full)
