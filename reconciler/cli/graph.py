"""``reconciler graph``: the dependency graph of the manifests."""

from __future__ import annotations

import os
from pathlib import Path

import click

from reconciler.cli.common import Settings, document, standard_options


@click.command(
    epilog="""\b
Examples:
  reconciler graph                                        a Mermaid graph, for a Markdown file
  reconciler graph manifests/crm                          these manifests and what they refer to
  reconciler graph --format dot | dot -Tsvg > graph.svg
"""
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@standard_options(formats=("mermaid", "dot"))
def command(settings: Settings, paths: tuple[Path, ...]) -> int:
    """Draw the dependency graph: an arrow leads from a manifest to what it needs first.

    Resources, fragments and jobs have shapes of their own. PATHS show only the manifests of these files and folders, and
    what they refer to.
    """
    from reconciler.engine.workspace import load_workspace
    from reconciler.render.dependency_graph import dot, mermaid

    workspace = load_workspace(settings.directory, settings.target, paths=paths, environ=os.environ)
    bound = workspace.bound.require()
    shown = set(bound.edges)
    if workspace.selected is not None:
        shown = set(workspace.selected)
        shown |= {other for key in workspace.selected for other in bound.edges.get(key, ())}
    nodes = {key: workspace.kinds[key.kind].kind_class for key in shown}
    document((dot if settings.format == "dot" else mermaid)(nodes, bound.edges))
    return 0
