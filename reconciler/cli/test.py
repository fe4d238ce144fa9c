"""``reconciler test``: run the tests that data actions declare, and the cases beside guards."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli import completion
from reconciler.cli.common import Settings, document, standard_options
from reconciler.cli.planning_options import check_report_files, parse_reports
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.guard_report import GuardResults
    from reconciler.jobs.action_tests.report import Results

FORMATS = ("text", "json", "junit")


@click.command(
    epilog="""\b
Examples:
  reconciler test
  reconciler test --local
  reconciler test enrich-caller -k 'gold*'
  reconciler test --guards
  reconciler test -t prod 'DataAction/enrich-*' --report junit=actions.xml
"""
)
@click.argument("keys", nargs=-1, metavar="[KEY...]", shell_complete=completion.action_keys)
@click.option("--name", "-k", default="", metavar="NAME", help="Only tests with this in their name, or a glob over it.")
@click.option(
    "--guards", is_flag=True, help="Run the cases beside the guards that the project wrote; KEY is then a code."
)
@click.option("--local", is_flag=True, help="Run the bundles with this machine's Node.js, without any target.")
@click.option(
    "--report",
    "reports",
    multiple=True,
    metavar="FORMAT=FILE",
    help="Write the outcome to a file: text, json, junit.",
)
@standard_options(formats=FORMATS)
def command(
    settings: Settings, keys: tuple[str, ...], name: str, guards: bool, local: bool, reports: tuple[str, ...]
) -> int:
    """Run the tests that data actions declare, or the cases beside guards.

    KEY is DataAction/name or the name alone, with globs; without one, all actions are tested. Each test executes its action in the
    target's tenant and compares the output with what it expects. With --guards no tenant is asked: each case shows its rule a
    change or a plan, and says what the rule must make of it.
    """
    files = parse_reports(reports, FORMATS)
    check_report_files(files)
    if guards:
        if local:
            raise UsageError("--guards and --local go apart: guards' cases run here anyway")
        return _of_guards(settings, keys, name, files)
    results = _locally(settings, keys, name) if local else _on_target(settings, keys, name)
    from reconciler.engine.planfiles import write_text

    for form, file in files:
        write_text(file, _as(form, results))
    document(_as(settings.format, results, color=settings.color, all_logs=bool(settings.verbose)))
    return 0 if results.passed else 1


def _of_guards(settings: Settings, codes: tuple[str, ...], name: str, files: list[tuple[str, Path]]) -> int:
    """Run the cases beside written guards, offline."""
    from reconciler.engine.guard_cases import run_cases
    from reconciler.engine.guard_sources import load_guards
    from reconciler.engine.planfiles import write_text

    project, guards = load_guards(settings.directory)
    results = run_cases(guards.rules, project, codes, name)
    for form, file in files:
        write_text(file, _guards_as(form, results))
    document(_guards_as(settings.format, results, color=settings.color))
    if results.untested and settings.format != "text":
        settings.note(f"warning: without cases: {', '.join(results.untested)}")
    return 0 if results.passed else 1


def _guards_as(form: str, results: GuardResults, *, color: bool = False) -> str:
    from reconciler.core.guard_report import to_json
    from reconciler.render.guard_cases import render_guard_junit, render_guard_text

    if form == "text":
        return render_guard_text(results, color=color)
    if form == "junit":
        return render_guard_junit(results)
    import orjson

    return orjson.dumps(to_json(results), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode() + "\n"


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
