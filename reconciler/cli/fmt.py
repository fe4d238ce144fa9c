"""``reconciler fmt``: the canonical layout of manifests."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.cli.common import EXIT_INVALID, Settings, document, standard_options
from reconciler.cli.streams import say

if TYPE_CHECKING:
    from reconciler.core.diagnostic import Diagnostic
    from reconciler.loading.format_files import Formatted


@click.command(
    epilog="""\b
Examples:
  reconciler fmt
  reconciler fmt manifests/crm --diff
  reconciler fmt --check
"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option("--check", is_flag=True, help="Write nothing; leave with 1 when a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; show what would change.")
@standard_options(target=False)
def command(settings: Settings, paths: tuple[Path, ...], check: bool, diff: bool) -> int:
    """Rewrite manifests in canonical layout: comments, anchors, quotes and block texts stay as they are.

    Indents by two spaces, lists inside their key; puts apiVersion, kind, metadata and spec into this order, and
    metadata.name first. Without PATHS it takes reconciler.yaml, all manifests, the targets' patches, and the files of
    guards and acknowledgements. The files that change are listed. A file that is not valid YAML is left as it is, and the exit code is then 78.
    """
    from reconciler.loading.format_files import format_file, write_formatted
    from reconciler.render.escape import visible

    root, files = _files(settings, paths)
    changed = 0
    findings: list[Diagnostic] = []
    for path in files:
        result = format_file(path, root)
        findings += result.findings
        if not result.changed:
            continue
        changed += 1
        if not check and not diff:
            write_formatted(result)
        document(_diff(result, settings) if diff else visible(result.file) if settings.width else result.file)
    return _finish(settings, changed, len(files), findings, check=check, diff=diff)


def _finish(
    settings: Settings, changed: int, total: int, findings: Sequence[Diagnostic], *, check: bool, diff: bool
) -> int:
    """Say how it went; the exit code follows from the same numbers."""
    verb = "would change" if check or diff else "changed"
    settings.note(f"{changed} of {total} {'file' if total == 1 else 'files'} {verb}")
    if findings:
        from reconciler.render.diagnostics import render_diagnostics

        say(render_diagnostics(findings, "text", color=settings.color).rstrip("\n"))
        return EXIT_INVALID
    return 1 if check and changed else 0


def _files(settings: Settings, paths: Sequence[Path]) -> tuple[Path, list[Path]]:
    """The project's folder and the files to format; named ones need no valid project file."""
    from reconciler.loading.project import PROJECT_FILE, find_root
    from reconciler.loading.yaml_files import discover

    if paths:
        root = find_root(settings.directory or Path.cwd())
        return root, discover(root, [path.absolute() for path in paths])
    from reconciler.loading.project_file import load_project

    project = load_project(settings.directory)
    patches = [patch for target in project.targets.values() for patch in target.patches]
    beside = (*project.guards.rules, *project.guards.acknowledgements)
    existing = [name for name in (*project.manifests, *patches, *beside) if (project.root / name).exists()]
    return project.root, discover(project.root, [PROJECT_FILE, *existing])


def _diff(result: Formatted, settings: Settings) -> str:
    """A unified diff that ``git apply`` takes; on a terminal, what is not printable is shown as an escape."""
    from difflib import unified_diff
    from io import StringIO

    from reconciler.render.escape import visible
    from reconciler.render.style import Paint, Style

    styles: dict[str, Style] = {"+": "green", "-": "red", "@": "cyan"}
    paint = Paint(settings.color)
    before, after = (list(StringIO(text)) for text in (result.before, result.after))

    def shown() -> Iterator[str]:
        for line in unified_diff(before, after, f"a/{result.file}", f"b/{result.file}"):
            text = visible(line.rstrip("\n")) if settings.width else line.rstrip("\n")
            yield paint(text, styles.get(text[:1], "")) + (
                "\n" if line.endswith("\n") else "\n\\ No newline at end of file\n"
            )

    return "".join(shown())
