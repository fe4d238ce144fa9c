"""Binds manifests that a test writes down, through the same steps as a command: files, YAML, project, kinds."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading.approved import Approved
from reconciler.loading.bind import bind
from reconciler.loading.manifest import Bound
from reconciler.loading.project import PROJECT_FILE, Project, local_target
from reconciler.loading.project_file import load_project
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.yaml import discover, load_files

HEAD = "apiVersion: cxone.reconciler/v1\n"


def manifest(kind: str, name: str, spec: str = "{}", metadata: str = "") -> str:
    """One manifest as YAML; ``spec`` and further ``metadata`` are flow mappings or blocks indented by two."""
    more = f", {metadata}" if metadata else ""
    return f"---\n{HEAD}kind: {kind}\nmetadata: {{name: {name}{more}}}\nspec: {spec}\n"


def write(root: Path, files: Mapping[str, str]) -> None:
    """Write files below a folder."""
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def bind_files(
    root: Path,
    files: Mapping[str, str],
    *,
    target: str = "local",
    variables: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    resolve: bool = False,
    kinds: Mapping[str, Any] | None = None,
) -> Bound:
    """Write files into a folder and bind all of its manifests.

    ``variables`` are those of the target, for projects without a ``reconciler.yaml`` of their own; ``resolve`` looks secrets up.
    """
    write(root, files)
    if (root / PROJECT_FILE).exists():
        project = load_project(root)
    else:
        local = replace(local_target(), variables=variables or {})
        project = Project(root.resolve(), "test", "test", targets={"local": local, "prod": replace(local, name="prod")})
    documents, diagnostics = load_files(discover(root, ["manifests"]), root)
    found = _bind(root, documents, diagnostics, project, target, environ, resolve, kinds, None)
    with TemporaryDirectory() as folder:
        # Whatever a test is about, what was judged before is to be judged in the same way.
        for _ in range(2):
            approved = Approved(Path(folder), sorted(project.targets))
            again = _bind(root, documents, diagnostics, project, target, environ, resolve, kinds, approved)
            assert again == found
    return found


def shown(bound: Bound) -> str:
    """All diagnostics as text, in their order."""
    lines = []
    for item in bound.diagnostics:
        lines.append(f"{item.mark or '-'} {item.rule.code} {item.severity} {item.path}")
        lines.append(f"    {item.message}")
        lines += [f"    help: {item.fix}"] if item.fix else []
        lines += [f"    | {line}" for line in item.excerpt.splitlines()]
        lines += [f"    see {mark}: {text}" for text, mark in item.related]
    return "\n".join(lines) + "\n" if lines else "nothing\n"


def _bind(
    root: Path,
    documents: list[Any],
    diagnostics: list[Any],
    project: Project,
    target: str,
    environ: Mapping[str, str] | None,
    resolve: bool,
    kinds: Mapping[str, Any] | None,
    approved: Approved | None,
) -> Bound:
    return bind(
        documents,
        project=project,
        target=project.target(target),
        kinds=kinds or load_kinds(),
        metadata_model=METADATA_MODEL,
        environ=environ or {},
        resolver=SecretResolver(project.root, environ or {}) if resolve else None,
        earlier=diagnostics,
        approved=approved,
    )
