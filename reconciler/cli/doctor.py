"""``reconciler doctor``: is everything in place to work with a target? One line each, with the fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from reconciler.cli.common import Settings, document, printable, standard_options

if TYPE_CHECKING:
    from reconciler.engine.finding import Finding
    from reconciler.engine.workspace import Workspace

COMMANDS = ("plan", "apply", "run", "test")


@click.command(
    epilog="""\b
Examples:
  reconciler doctor
  reconciler doctor -t prod --format json
  reconciler doctor -t prod --for plan
  reconciler doctor -t prod --for apply --require-shared-ledger
"""
)
@click.option(
    "--for",
    "commands",
    multiple=True,
    type=click.Choice(COMMANDS),
    help="Only what this command needs; repeatable. plan stands for drift too, and needs no right to write.",
)
@click.option(
    "--require-shared-ledger",
    "must_share",
    is_flag=True,
    help="Fail where the ledger is on this machine's disk, which a CI job does not keep.",
)
@standard_options(formats=("text", "json"))
def command(settings: Settings, commands: tuple[str, ...], must_share: bool) -> int:
    """Check project, manifests, ledger, TLS, token, scopes, clock, collections, databases; exits 1 if anything fails."""
    from reconciler.engine.checkup import Listener, Scope, examine

    scope = Scope(frozenset(commands), must_share, _scopes)
    findings = examine(settings.directory, settings.target, Listener(settings.debug, settings.verbose), scope)
    if settings.format == "json":
        import orjson

        document(orjson.dumps([item.to_json() for item in findings], option=orjson.OPT_INDENT_2).decode())
    else:
        document("\n".join(_lines(findings)))
    return 1 if any(item.state == "FAIL" for item in findings) else 0


def _lines(findings: Sequence[Finding]) -> list[str]:
    width = max(len(item.subject) for item in findings)
    lines = []
    for item in findings:
        lines.append(f"{item.state:4}  {item.subject:{width}}  {printable(item.message)}")
        if item.fix:
            lines.append(f"{'':4}  {'':{width}}  help: {printable(item.fix)}")
    return lines


def _scopes(workspace: Workspace) -> Mapping[str, Sequence[str]]:
    """The scopes that running the project's jobs and testing its actions takes, by command."""
    from reconciler.cxone.executions import SCOPES
    from reconciler.jobs.job import find_job

    found = {f"run {kind}": find_job(kind).scopes for kind in sorted({job.key.kind for job in workspace.bound.jobs})}
    if any(item.key.kind == "DataAction" for item in workspace.bound.desired):
        found["test"] = SCOPES
    return found
