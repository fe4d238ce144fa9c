"""``reconciler validate``: all checks that need no network."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler.cli.common import EXIT_INVALID, Settings, document, standard_options, tell_unkept
from reconciler.core.diagnostic import Diagnostic
from reconciler.errors import InvalidProject


@click.command(
    epilog="""\b
Examples:
  reconciler validate
  reconciler validate manifests/crm --format github
  reconciler validate -t prod --format junit > validation.xml
"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@standard_options(formats=("text", "json", "github", "junit"))
def command(settings: Settings, paths: tuple[Path, ...]) -> int:
    """Check manifests without any network call, and show everything that is wrong at once.

    Reads the whole project, since manifests refer to each other; with PATHS only what is wrong in these files and folders
    is shown. Secrets are not looked up. Leaves with 78 where anything is wrong, warnings aside.
    """
    from reconciler.engine.workspace import load_workspace

    try:
        workspace = load_workspace(settings.directory, settings.target, paths=paths, environ=os.environ)
    except InvalidProject as error:
        if not error.diagnostics:
            raise
        return _report(settings, error.diagnostics)
    tell_unkept(settings, workspace)
    diagnostics = workspace.bound.diagnostics
    if workspace.files is not None:
        shown = tuple(item for item in diagnostics if item.mark is None or item.mark.file in workspace.files)
        if len(shown) < len(diagnostics):
            left_out = len(diagnostics) - len(shown)
            settings.note(f"{left_out} {'finding' if left_out == 1 else 'findings'} in other files not shown")
        diagnostics = shown
    code = _report(settings, diagnostics)
    if not code:
        settings.note(f"{workspace.documents} {'manifest' if workspace.documents == 1 else 'manifests'} valid")
    return code


def _report(settings: Settings, diagnostics: Sequence[Diagnostic]) -> int:
    """Write the findings as the document; the exit code follows from the same findings."""
    if diagnostics or settings.format != "text":
        from reconciler.render.diagnostics import render_diagnostics

        document(render_diagnostics(diagnostics, settings.format, color=settings.color))
    return EXIT_INVALID if any(item.severity == "error" for item in diagnostics) else 0
