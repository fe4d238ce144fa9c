"""The files beside the manifests that guards come from: where they are, and what they say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.core.acknowledge import Acknowledgement
from reconciler.core.diagnostic import Diagnostic
from reconciler.core.guard_rule import GuardRule
from reconciler.core.kind import Kinds
from reconciler.errors import InvalidManifests, InvalidProject, UsageError
from reconciler.loading.manifest import Bound
from reconciler.loading.project import PROJECT_FILE, Project
from reconciler.loading.yaml import Document, discover, load_files
from reconciler.loading.yaml_files import relative_name


@dataclass(frozen=True, slots=True)
class GuardSources:
    """The files that ``spec.guards`` names, and their names relative to the project."""

    files: tuple[Path, ...] = ()
    rules: frozenset[str] = frozenset()
    acknowledgements: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All of them, by name: none of them is a manifest."""
        return self.rules | self.acknowledgements


@dataclass(frozen=True, slots=True)
class Guards:
    """What a project's files say of guards: written rules, what was acknowledged in review, and what is wrong with the files."""

    rules: tuple[GuardRule, ...] = ()
    acknowledgements: tuple[Acknowledgement, ...] = ()
    findings: tuple[Diagnostic, ...] = ()

    def require(self) -> Guards:
        """Itself; raises `InvalidManifests` where the files have errors, so that nothing passes by guards that cannot be read."""
        if any(item.severity == "error" for item in self.findings):
            raise InvalidManifests(self.findings)
        return self


def guard_sources(project: Project) -> GuardSources:
    """The files of guards and acknowledgements; raises `InvalidProject` for a name that leads nowhere."""
    settings = project.guards
    if not settings.rules and not settings.acknowledgements:
        return GuardSources()
    rules = _found(project, "rules", settings.rules)
    acknowledgements = _found(project, "acknowledgements", settings.acknowledgements)
    base = str(project.root)
    return GuardSources(
        (*rules, *acknowledgements),
        frozenset(relative_name(str(path), base) for path in rules),
        frozenset(relative_name(str(path), base) for path in acknowledgements),
    )


def _found(project: Project, field: str, names: Iterable[str]) -> list[Path]:
    try:
        return [path for path in discover(project.root, names) if path.name != PROJECT_FILE]
    except UsageError as error:
        raise InvalidProject(
            f"spec.guards.{field} of {PROJECT_FILE}: {error.message}", fix=f"create it, or correct spec.guards.{field}"
        ) from error


def read_guards(
    documents: Iterable[Document],
    sources: GuardSources,
    project: Project,
    kinds: Kinds,
    earlier: Iterable[Diagnostic] = (),
) -> Guards:
    """What the documents of those files say; ``earlier`` is what was wrong with any file as YAML."""
    wrong = tuple(item for item in earlier if item.mark is not None and item.mark.file in sources.names)
    held = [document for document in documents if document.value is not None and document.file in sources.names]
    if not held:
        return Guards(findings=wrong)
    from reconciler.loading.guard_files import read_guard_files

    found = read_guard_files([item for item in held if item.file in sources.rules], project, kinds)
    reviewed = [item for item in held if item.file in sources.acknowledgements]
    if not reviewed:
        return Guards(found.rules, findings=(*wrong, *found.diagnostics))
    from reconciler.loading.acknowledgement_files import read_acknowledgement_files

    codes = [rule.code for rule in found.rules]
    entries, more = read_acknowledgement_files(reviewed, project, codes)
    return Guards(found.rules, entries, (*wrong, *found.diagnostics, *more))


def with_findings(bound: Bound, findings: Iterable[Diagnostic]) -> Bound:
    """Manifests together with what is wrong with guards: where anything is, nothing may be planned."""
    added = tuple(item for item in findings if item not in bound.diagnostics)
    if not added:
        return bound
    diagnostics = tuple(sorted((*bound.diagnostics, *added), key=lambda item: item.sort_key))
    if any(item.severity == "error" for item in added):
        return Bound(diagnostics=diagnostics, digest=bound.digest)
    return replace(bound, diagnostics=diagnostics)


def load_guards(root: Path | None) -> tuple[Project, Guards]:
    """The project of a folder (None: the nearest one) and its guards alone, without manifests.

    Raises `InvalidProject`, and `InvalidManifests` where the files of guards have errors.
    """
    from reconciler.kinds import load_kinds
    from reconciler.loading.project_file import load_project

    project = load_project(root)
    sources = guard_sources(project)
    documents, diagnostics = load_files(sources.files, project.root)
    return project, read_guards(documents, sources, project, load_kinds(), diagnostics).require()
