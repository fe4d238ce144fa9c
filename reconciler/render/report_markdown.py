"""A report as Markdown: the account, and a list of what was not applied."""

from __future__ import annotations

from reconciler.core.report import Report, Result, account
from reconciler.render.markdown import LIMIT, Budget, bullet, code, comment
from reconciler.render.report_text import reason_of


def render_report_markdown(report: Report, *, marker: str = "reconciler-report", limit: int = LIMIT) -> str:
    """The report as one comment of less than ``limit`` characters; what does not fit is counted."""
    page = Budget(limit)
    page.add(comment(marker))
    page.add(f"## Applied: {account(report)}" if report.results else "## Nothing to apply")
    if report.signal:
        page.add("The run was interrupted: what was in flight was finished, nothing new was started.")
    open_ones = [result for result in report.results if result.outcome != "applied"]
    page.add_all("changes", "### Not applied", map(_result, open_ones), len(open_ones), share=0.8)
    diverged = (bullet(code(str(key)), code(message)) for key, message in report.diverged)
    page.add_all("resources", "### Not converged", diverged, len(report.diverged), share=0.9)
    return page.text


def _result(result: Result) -> str:
    why = reason_of(result)
    verb = "record" if result.action == "none" else result.action
    line = bullet(f"**{result.outcome}**", verb, code(str(result.key)), code(why) if why else "")
    return f"{line}\n  <br>fix: {code(result.fix)}" if result.fix else line
