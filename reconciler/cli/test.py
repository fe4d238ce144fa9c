"""``reconciler test``: run the tests that data actions declare."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion
from reconciler.cli.common import Settings, document, standard_options
from reconciler.cli.planning_options import check_report_files, parse_reports

if TYPE_CHECKING:
    from reconciler.jobs.action_tests.report import Results

FORMATS = ("text", "json", "junit")


@click.command(
    epilog="""\b
Examples:
  reconciler test
  reconciler test --local
  reconciler test enrich-caller -k 'gold*'
  reconciler test -t prod 'DataAction/enrich-*' --report junit=actions.xml
"""
)
@click.argument("keys", nargs=-1, metavar="[KEY...]", shell_complete=completion.action_keys)
@click.option("--name", "-k", default="", metavar="NAME", help="Only tests with this in their name, or a glob over it.")
@click.option("--local", is_flag=True, help="Run the bundles with this machine's Node.js, without any target.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the outcome to a file: text, json, junit.",
)
@standard_options(formats=FORMATS)
def command(settings: Settings, keys: tuple[str, ...], name: str, local: bool, reports: tuple[str, ...]) -> int:
    """Run the tests that data actions declare.

    KEY is DataAction/name or the name alone, with globs; without one, all actions are tested. Each test executes its action in the
    target's tenant and compares the output with what it expects.
    """
    files = parse_reports(reports, FORMATS)
    check_report_files(files)
    results = _locally(settings, keys, name) if local else _on_target(settings, keys, name)
    from reconciler.engine.planfiles import write_text

    for form, file in files:
        write_text(file, _as(form, results))
    document(_as(settings.format, results, color=settings.color, all_logs=bool(settings.verbose)))
    return 0 if results.passed else 1


def _on_target(settings: Settings, keys: tuple[str, ...], name: str) -> Results:
    from reconciler.engine.session import Session
    from reconciler.jobs.action_tests.cases import select_suites
    from reconciler.jobs.action_tests.target import run_on_target

    with Session.open(settings.directory, settings.target, debug=settings.debug, detail=settings.verbose) as session:
        return run_on_target(session, select_suites(session.workspace.bound.desired, keys, name))


def _locally(settings: Settings, keys: tuple[str, ...], name: str) -> Results:
    from reconciler.engine.workspace import load_workspace
    from reconciler.jobs.action_tests.cases import select_suites
    from reconciler.jobs.action_tests.local import run_locally

    workspace = load_workspace(settings.directory, settings.target, environ=os.environ, resolve_secrets=True)
    workspace.bound.require()
    return run_locally(workspace, select_suites(workspace.bound.desired, keys, name))


def _as(form: str, results: Results, *, color: bool = False, all_logs: bool = True) -> str:
    from reconciler.jobs.action_tests import report_text

    if form == "text":
        return report_text.render_text(results, color=color, all_logs=all_logs)
    if form == "junit":
        return report_text.render_junit(results)
    import orjson

    from reconciler.jobs.action_tests.report import to_json

    return orjson.dumps(to_json(results), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"
