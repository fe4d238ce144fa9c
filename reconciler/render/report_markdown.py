"""A report as Markdown: the account, a list of what was not applied, and below it, folded, what was."""

from __future__ import annotations

from reconciler.core.report import Report, Result, account
from reconciler.render.escape import visible
from reconciler.render.markdown import LIMIT, Budget, bullet, code, comment, details
from reconciler.render.markdown_stamp import hidden_stamp, stamp, sticky
from reconciler.render.plan_text import acceptance
from reconciler.render.report_text import reason_of
from reconciler.render.rows import SIGNS

APPLIED_SHOWN = 500


def render_report_markdown(report: Report, *, marker: str = "", limit: int = LIMIT) -> str:
    """The report as one comment of less than ``limit`` characters; what does not fit is counted. ``marker`` as for plans."""
    header = report.header
    foot = stamp(header, {}) if header.target else ""
    page = Budget(limit - len(foot) - 10)
    page.add(f"{comment(marker or sticky('apply', header))}\n{hidden_stamp(header, {})}")
    target = f" to {code(header.target)}" if header.target else ""
    page.add(f"## Applied{target}: {account(report)}" if report.results else f"## Nothing to apply{target}")
    if report.signal:
        page.add("The run was interrupted: what was in flight was finished, nothing new was started.")
    open_ones = [result for result in report.results if result.outcome != "applied"]
    page.add_all("changes", "### Not applied", map(_result, open_ones), len(open_ones), share=0.7)
    diverged = (bullet(code(str(key)), code(message)) for key, message in report.diverged)
    page.add_all("resources", "### Not converged", diverged, len(report.diverged), share=0.8)
    accepted = (bullet(code(item.accepts), code(acceptance(item))) for item in report.acknowledged)
    page.add_all("acknowledgements", "### Acknowledged", accepted, len(report.acknowledged), share=0.5)
    done = [result for result in report.results if result.outcome == "applied"]
    if done:
        page.add(_done(done, page.left - 400))
    if report.requests:
        page.add(", ".join(f"{code(visible(name))} {count}" for name, count in sorted(report.requests.items())))
    return f"{page.text}\n{foot}\n" if foot else page.text


def _result(result: Result) -> str:
    why = reason_of(result)
    verb = "record" if result.action == "none" else result.action
    place = code(f"{result.mark.file}:{result.mark.line}") if result.mark else ""
    line = bullet(f"**{result.outcome}**", verb, code(str(result.key)), place, code(why) if why else "")
    return f"{line}\n  <br>fix: {code(result.fix)}" if result.fix else line


def _done(results: list[Result], room: int) -> str:
    """What was applied, folded, as many lines as there is room for."""
    lines: list[str] = []
    for result in results[:APPLIED_SHOWN]:
        verb = "record" if result.action == "none" else result.action
        line = bullet(f"{SIGNS[result.action]} {verb}", code(str(result.key)))
        room -= len(line) + 1
        if room < 0:
            break
        lines.append(line)
    if len(lines) < len(results):
        lines.append(bullet(f"{len(results) - len(lines)} more"))
    return details(f"Applied ({len(results)})", "\n".join(lines))
