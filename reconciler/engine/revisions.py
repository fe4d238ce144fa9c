"""The two sides of an offline comparison: a project at a git revision, and in the work tree.

Neither side asks for credentials, secrets, variables of the environment or the network, and nothing of either is executed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from reconciler.core.difference import Side
from reconciler.core.kind import Kinds
from reconciler.core.values import Tree
from reconciler.engine.guard_sources import guard_sources
from reconciler.engine.memory.kinds import deciding
from reconciler.engine.workspace import CACHE, load_workspace
from reconciler.errors import GitError, InvalidProject
from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading.approved import Approved
from reconciler.loading.bind import bind
from reconciler.loading.git import Repository
from reconciler.loading.manifest import Bound
from reconciler.loading.project import PROJECT_FILE, Project
from reconciler.loading.project_settings import project_settings
from reconciler.loading.snapshot import Snapshot
from reconciler.loading.variables import UnreadEnvironment
from reconciler.loading.yaml import ParseCache
from reconciler.loading.yaml_files import load_contents, read_bytes, relative_name

WORK_TREE: Final = "work tree"
_SHOWN: Final = 20
_NO_HISTORY: Final = "clone with the whole history: fetch-depth: 0 of actions/checkout, GIT_DEPTH: 0 in GitLab CI, or `git fetch --unshallow`"


@dataclass(frozen=True, slots=True)
class Revision:
    """One side, bound for a target.

    ``project`` is the project (of the other side, where this one has none); ``settings`` is what its project file and the files of
    its guards say, as a tree; ``pointers`` are the Git LFS pointers that were met, as
    `Snapshot.pointers` has them; ``warnings`` say what could not be had of it. Where it is not valid, ``bound`` holds what has no
    part in any error, and ``obscure`` the files of which nobody knows what they declare.
    """

    side: Side
    project: Project
    bound: Bound
    settings: Tree = field(default_factory=dict)
    pointers: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    obscure: frozenset[str] = frozenset()


def parting(repository: Repository, base: str, head: str) -> tuple[str, str]:
    """The commit (hex) to compare with: where ``base`` and ``head`` (hex) parted; and a warning, empty where all is well.

    What happened on ``base`` since then is not the doing of ``head``, and would look as if it had been undone there. Raises
    `GitError` where history is cut off, so that nobody can tell.
    """
    found = repository.merge_base(base, head)
    if found:
        return found, ""
    if repository.shallow:
        raise GitError(
            "it cannot be told where the two revisions parted: history is cut off here (a shallow clone)",
            fix=_NO_HISTORY,
        )
    return base, "the revisions have no history in common; they are compared as they are"


def in_work_tree(root: Path, target: str) -> Revision:
    """The project as its files are now; raises `InvalidManifests` where they are not valid, and `InvalidProject`."""
    workspace = load_workspace(root, target, environ=UnreadEnvironment())
    workspace.bound.require()
    project = workspace.project
    base = str(project.root)
    beside = [(relative_name(str(path), base), read_bytes(path)) for path in guard_sources(project).files]
    settings = project_settings(read_bytes(root / PROJECT_FILE), beside)
    return Revision(Side(WORK_TREE), project, workspace.bound, settings)


def at_commit(repository: Repository, commit: str, label: str, target: str) -> Revision:
    """The project as it was committed; raises `InvalidManifests` and `InvalidProject` where it was not valid."""
    with Snapshot.open(repository, commit) as snapshot:
        project = snapshot.project()
        bound = _bind(repository, snapshot, project, target, keep_sound=False).require()
        side, settings = Side(label, commit), snapshot.settings(project)
        return Revision(side, project, bound, settings, snapshot.pointers, _left_aside(snapshot, label))


def as_far_as_valid(repository: Repository, commit: str, label: str, target: str, now: Project) -> Revision:
    """The project as it was committed, as far as that was valid; warnings say what was not.

    ``now`` is the project of the other side: it stands in for a project file that cannot be read.
    """
    side = Side(label, commit)
    with Snapshot.open(repository, commit) as snapshot:
        if not snapshot.has_project:
            return Revision(side, now, Bound(), warnings=(f"there is no project at {label}: everything is new",))
        warnings: list[str] = []
        with _noting(warnings, f"{PROJECT_FILE} at {label} is not valid, so that today's is taken"):
            project = snapshot.project()
        if warnings:
            project = replace(now, root=snapshot.folder)
        settings = snapshot.settings(project)
        if target not in project.targets:
            warnings.append(f"there is no target {target} at {label}: everything is new")
            return Revision(side, project, Bound(), settings, warnings=tuple(warnings))
        bound = Bound()
        with _noting(warnings, f"the manifests at {label} cannot be read, so that everything is new"):
            bound = _bind(repository, snapshot, project, target, keep_sound=True)
        warnings += _left_aside(snapshot, label)
        if bound.failed:
            warnings.append(_invalid(bound, label))
        if warnings:
            warnings += _unread_modules(snapshot, label)
        obscure = {item.mark.file for item in bound.diagnostics if item.severity == "error" and item.mark is not None}
        return Revision(side, project, bound, settings, snapshot.pointers, tuple(warnings), frozenset(obscure))


def _left_aside(snapshot: Snapshot, label: str) -> tuple[str, ...]:
    """What no manifest can have been read from, though one might be there."""
    tree = snapshot.tree
    reasons = (
        ("leads out of the project and is not followed", tree.outside),
        ("is a link that leads to nothing there", tree.lost),
        ("is a name that no file has", tree.unsafe),
    )
    return tuple(f"at {label} {name} {reason}" for reason, names in reasons for name in names[:_SHOWN])


def _unread_modules(snapshot: Snapshot, label: str) -> list[str]:
    """Where what a revision lacks may well be."""
    modules = sorted(entry.name for entry in snapshot.tree.files.values() if entry.is_module)
    return [f"at {label} {name} is a submodule, which is not looked into" for name in modules[:_SHOWN]]


@contextmanager
def _noting(warnings: list[str], what: str) -> Iterator[None]:
    """Turn an invalid project into a warning that says what follows from it."""
    try:
        yield
    except InvalidProject as error:
        warnings.append(f"{what}: {error.message}")


def _invalid(bound: Bound, label: str) -> str:
    errors = [item for item in bound.diagnostics if item.severity == "error"]
    first = errors[0]
    count = "1 error" if len(errors) == 1 else f"{len(errors)} errors"
    return f"the manifests at {label} are not valid ({count}, the first: {first.mark or PROJECT_FILE}: {first.message})"


def _bind(repository: Repository, snapshot: Snapshot, project: Project, target: str, *, keep_sound: bool) -> Bound:
    """Bind a snapshot with the caches of the work tree, which know most of it by its content."""
    kinds: Kinds = load_kinds()
    folder = repository.folder / CACHE
    cache = ParseCache(folder)
    contents, problems = snapshot.manifests(project)
    documents, diagnostics = load_contents(contents, cache)
    documents = [document for document in documents if document.file != PROJECT_FILE]
    bound = bind(
        documents,
        project=project,
        target=project.target(target),
        kinds=kinds,
        metadata_model=METADATA_MODEL,
        environ=UnreadEnvironment(),
        earlier=[*problems, *diagnostics],
        approved=Approved(folder, deciding(project.targets, kinds)),
        reach=snapshot.reach,
        keep_sound=keep_sound,
    )
    if not bound.failed:
        # As in a work tree: what is not valid may hold a secret that somebody wrote out.
        cache.store(documents)
    return bound
