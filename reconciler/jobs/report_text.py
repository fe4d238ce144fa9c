"""A job's report for people: on a terminal, as Markdown for a merge request, as JUnit for CI."""

from __future__ import annotations

from dataclasses import asdict
from xml.sax.saxutils import escape, quoteattr

from reconciler.jobs.report import JobReport

_WORDS = {
    "done": "done",
    "partial": "partly done",
    "failed": "failed",
    "denied": "not allowed",
    "invalid": "failed",
    "interrupted": "interrupted",
}


def render_text(report: JobReport) -> str:
    """Several lines on one job: verdict, account, figures, messages, files, and what to do where it failed."""
    lines = [f"{report.key}: {_WORDS[report.verdict]}{' (dry run: nothing was sent)' if report.dry_run else ''}"]
    if report.account is not None:
        lines.append(f"  {account_line(report)}")
    if report.metrics:
        lines.append("  " + ", ".join(f"{name} {_figure(value)}" for name, value in report.metrics.items()))
    lines += [f"  {message}" for message in report.messages]
    lines += [f"  {what}: {file}" for what, file in report.files.items()]
    if report.error is not None:
        lines.append(f"  error[{report.error.code}]: {report.error.message}")
        if report.error.fix:
            lines.append(f"  help: {report.error.fix}")
    return "\n".join(lines)


def account_line(report: JobReport) -> str:
    """``1,000 read = 990 accepted + 2 rejected + 8 quarantined + 0 pending``, and what is wrong with it."""
    account = report.account
    assert account is not None
    parts = " + ".join(f"{count:,} {name}" for name, count in asdict(account).items() if name != "read")
    line = f"{account.read:,} read {'=' if account.balanced else '≠'} {parts}"
    if not account.balanced:
        line += ": the account does not add up"
    if report.over_limit:
        line += f": {account.refused_percent:.2f} % refused, more than the {report.limit:g} % of maxRejectedPercent"
    return line


def _figure(value: float | int | str) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.2f}"


def render_markdown(reports: tuple[JobReport, ...]) -> str:
    """A table of all jobs, then what went wrong."""
    lines = [
        "| job | outcome | read | accepted | rejected | quarantined | pending |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for report in reports:
        counts = [f"{count:,}" for count in asdict(report.account).values()] if report.account else ["–"] * 5
        lines.append("| " + " | ".join([f"`{report.key}`", _WORDS[report.verdict], *counts]) + " |")
    for report in reports:
        notes = [*report.messages]
        if report.error is not None:
            fix = f" ({report.error.fix})" if report.error.fix else ""
            notes.append(f"{report.error.code}: {report.error.message}{fix}")
        if notes:
            lines += ["", f"**{report.key}**", "", *(f"- {note}" for note in notes)]
    return "\n".join(lines) + "\n"


def render_junit(reports: tuple[JobReport, ...]) -> str:
    """One test case a job."""
    failures = sum(report.verdict != "done" for report in reports)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<testsuites><testsuite name="reconciler run" tests="{len(reports)}" failures="{failures}">',
    ]
    for report in reports:
        seconds = report.metrics.get("seconds", 0)
        lines.append(f'<testcase classname="run" name={quoteattr(str(report.key))} time="{float(seconds):.3f}">')
        if report.verdict != "done":
            lines.append(
                f"<failure message={quoteattr(_WORDS[report.verdict])}>{escape(render_text(report))}</failure>"
            )
        lines.append("</testcase>")
    lines.append("</testsuite></testsuites>")
    return "\n".join(lines) + "\n"
