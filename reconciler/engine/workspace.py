"""Loads a project for one target: files, kinds and binding, joined in the one sequence that every command starts with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.core.diagnostic import Diagnostic
from reconciler.core.kind import Kind
from reconciler.core.resource import Key
from reconciler.engine.guard_sources import Guards, guard_sources, read_guards, with_findings
from reconciler.engine.memory.kinds import deciding
from reconciler.engine.memory.meaning import Identity, Meaning, Memory
from reconciler.engine.memory.watched import Reached, Watched
from reconciler.errors import InvalidProject
from reconciler.loading.approved import Approved
from reconciler.loading.manifest import Bound
from reconciler.loading.project import PROJECT_FILE, STATE_FOLDER, Project, Target, project_root
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.yaml import Document, Loading, ParseCache, discover, load_files, parse_text
from reconciler.loading.yaml_files import relative_name

if TYPE_CHECKING:
    from reconciler.loading.places import Places

CACHE: Final = f"{STATE_FOLDER}/cache"
"""Where a project keeps what it knows of files by their content, relative to its folder."""


@dataclass(frozen=True, slots=True)
class Workspace:
    """A project, bound for one target.

    The bound manifests are always those of the whole project, since what a command is given by PATHS may refer to the rest.
    ``files`` are the files so given, relative to the project (None: all), ``selected`` the keys of the valid manifests in
    them; ``documents`` counts the manifests that were read from the selected files, valid or not. ``guards`` is what the files beside
    them say, ``unkept`` why what was found could not be remembered, empty where it was or need not be; ``identity`` is of what
    is remembered of all of this, None where nothing is. ``named`` are the files and folders that manifests name, relative to the project.
    """

    project: Project
    target: Target
    kinds: Mapping[str, Kind]
    bound: Bound
    documents: int
    files: frozenset[str] | None = None
    guards: Guards = field(default_factory=Guards)
    identity: Identity | None = None
    unkept: str = ""
    named: frozenset[str] = frozenset()

    @property
    def selected(self) -> frozenset[Key] | None:
        """The keys that PATHS select; None where there were none, so that everything is selected."""
        if self.files is None:
            return None
        places = {item.key: item.file for item in self.bound.desired}
        places |= {item.key: item.file for item in self.bound.fragments}
        places |= {item.key: item.file for item in self.bound.jobs}
        return frozenset(key for key, file in places.items() if file in self.files)


def load_workspace(
    root: Path | None,
    target_name: str = "local",
    *,
    paths: Iterable[Path] = (),
    environ: Mapping[str, str] | None = None,
    resolve_secrets: bool = False,
    recall: bool = False,
) -> Workspace:
    """Load the project of ``root`` (None: the nearest one upwards) for a target.

    ``paths`` are files or folders, relative to the working directory; they narrow what is selected, not what is read.
    ``resolve_secrets`` asks the providers that are in reach. With ``recall``, for those who need neither fragments nor jobs,
    what was found in an earlier run comes back where nothing has changed since. Raises `InvalidProject`, and `UsageError` for paths that do not
    exist or lie outside; what is wrong with manifests is in ``bound.diagnostics``, and `Bound.require` raises it.
    """
    environ = os.environ if environ is None else environ
    folder = project_root(root)
    resolver = SecretResolver(folder, environ) if resolve_secrets else None
    memory = Memory(folder, folder / CACHE, target_name, _all_files)
    named = list(paths)
    recall = recall and resolver is not None and not named

    def load() -> Workspace:
        return _load(memory, named, environ, resolver, Watched.begin(memory.root, environ) if recall else None)

    if recall and resolver is not None:
        found = memory.recall(resolver.resolve, partial(_places, environ), lambda: load().bound)
        if found is not None:
            return _with_guards(found)
    return load()


def _load(
    memory: Memory,
    paths: list[Path],
    environ: Mapping[str, str],
    resolver: SecretResolver | None,
    watched: Watched | None,
) -> Workspace:
    """Load a project by reading and binding all of it; what it means is remembered where ``watched`` can tell when that ends."""
    from reconciler.loading.project_file import load_project

    project = load_project(memory.root, cache_folder=CACHE)
    files, chosen = _files(project, paths)
    cache = ParseCache(memory.cache)
    beside = guard_sources(project)
    apart = (PROJECT_FILE, *beside.names)
    seen = watched.files if watched is not None else None
    with Loading.of_files({*files, *beside.files}, project.root, cache, seen) as loading:
        manifests = (document for document in loading if document.file not in apart)
        meaning = _bind(memory, project, manifests, loading.diagnostics, environ, resolver, watched)
    guards = read_guards(loading.documents, beside, project, meaning.kinds, loading.diagnostics)
    sound = with_findings(meaning.bound, guards.findings)
    documents = [document for document in loading.documents if document.file not in apart]
    meaning = replace(meaning, documents=len(documents))
    # Only what is sound: what validation refuses may hold a secret that somebody wrote out, and that is never stored.
    kept = (None, "") if sound.failed else _keep(cache, loading, partial(memory.remember, meaning, watched, resolver))
    narrowed = _narrowed(documents, chosen, project.root)
    return Workspace(project, meaning.target, meaning.kinds, sound, *narrowed, guards, *kept, meaning.named)


def _bind(
    memory: Memory,
    project: Project,
    documents: Iterable[Document],
    earlier: list[Diagnostic],
    environ: Mapping[str, str],
    resolver: SecretResolver | None,
    watched: Watched | None,
) -> Meaning:
    """Bind documents as they come; kinds and all that binding needs are imported while the first are being parsed."""
    from reconciler.kinds import load_kinds
    from reconciler.kinds.metadata import METADATA_MODEL
    from reconciler.loading.bind import bind

    target, kinds = project.target(memory.target), load_kinds()
    reached = watched.reach if watched else Reached(memory.root)
    bound = bind(
        documents,
        project=project,
        target=target,
        kinds=kinds,
        metadata_model=METADATA_MODEL,
        environ=watched.environ if watched else environ,
        resolver=resolver,
        earlier=earlier,
        approved=Approved(memory.cache, deciding(project.targets, kinds)),
        reach=reached,
        in_order=True,
    )
    return Meaning(project, target, kinds, bound, 0, frozenset(reached.named))


def _keep(cache: ParseCache, loading: Loading, remember: Callable[[], Identity | None]) -> tuple[Identity | None, str]:
    """Store what was parsed; or, where nothing had to be, what it means: what changes with every run is not worth it.

    Returns what identifies the meaning, and why something could not be stored.
    """
    failure = cache.store(loading.documents)
    identity = None
    if loading.all_known:
        try:
            identity = remember()
        except OSError as error:
            failure = error
    return identity, (failure.strerror or str(failure)) if failure else ""


def _with_guards(found: Meaning) -> Workspace:
    """What was recalled, with what the files of guards say: they are few, and read anew."""
    beside = guard_sources(found.project)
    guards = Guards()
    if beside.files:
        cache = ParseCache(found.project.root / CACHE)
        documents, diagnostics = load_files(beside.files, found.project.root, cache)
        guards = read_guards(documents, beside, found.project, found.kinds, diagnostics)
    bound = with_findings(found.bound, guards.findings)
    identity = found.identity if bound is found.bound else None
    return Workspace(
        found.project,
        found.target,
        found.kinds,
        bound,
        found.documents,
        guards=guards,
        identity=identity,
        named=found.named,
    )


def _places(environ: Mapping[str, str], found: Meaning, others: Mapping[Key, str]) -> Places:
    """Finds the places of what was recalled; ``others`` are the files of fragments and jobs."""
    from reconciler.kinds.metadata import METADATA_MODEL
    from reconciler.loading.places import Places

    root = found.project.root
    cache = ParseCache(root / CACHE)
    return Places(
        found.project,
        found.target,
        found.kinds,
        METADATA_MODEL,
        environ,
        files={**others, **{item.key: item.file for item in found.bound.desired}},
        edges=found.bound.edges,
        read=lambda name: load_files([root / name], root, cache)[0],
    )


def _all_files(project: Project) -> set[Path]:
    """All files of a project that are read as YAML, but the project file."""
    return {*_manifest_files(project), *guard_sources(project).files}


def _files(project: Project, paths: Iterable[Path]) -> tuple[set[Path], list[Path] | None]:
    """All files to read, and those among them that paths name, given relative to the working directory; None without paths."""
    files = _manifest_files(project)
    named = [Path(os.path.abspath(path)) for path in paths]  # noqa: PTH100 - links stay as they were named
    chosen = discover(project.root, named) if named else None
    return {*files, *(chosen or ())}, chosen


def _narrowed(documents: list[Document], chosen: list[Path] | None, root: Path) -> tuple[int, frozenset[str] | None]:
    """How many documents the chosen files hold, and the names of these files; None where all are."""
    if chosen is None:
        return len(documents), None
    names = frozenset(path.relative_to(root).as_posix() for path in chosen)
    return sum(1 for document in documents if document.file in names), names


def bind_edited(
    workspace: Workspace, texts: Mapping[str, str], *, environ: Mapping[str, str], resolver: SecretResolver
) -> Bound:
    """What a project would mean if some of its files, relative to it, held other texts. Nothing is written or remembered."""
    from reconciler.kinds.metadata import METADATA_MODEL
    from reconciler.loading.bind import bind

    project = workspace.project
    cache = ParseCache(project.root / CACHE)
    files = [file for file in _manifest_files(project) if relative_name(str(file), str(project.root)) not in texts]
    documents, diagnostics = load_files(files, project.root, cache)
    for name, text in texts.items():
        found, wrong = parse_text(text, name)
        documents += found
        diagnostics += wrong
    return bind(
        [document for document in documents if document.file != PROJECT_FILE],
        project=project,
        target=workspace.target,
        kinds=workspace.kinds,
        metadata_model=METADATA_MODEL,
        environ=environ,
        resolver=resolver,
        earlier=diagnostics,
    )


def declared_keys(project: Project) -> set[str]:
    """``Kind/name`` of every manifest that says both, valid or not, without judging any of them."""
    documents, _ = load_files(_manifest_files(project), project.root, ParseCache(project.root / CACHE))
    found: set[str] = set()
    for document in documents:
        manifest = document.value if isinstance(document.value, dict) else {}
        kind, metadata = manifest.get("kind"), manifest.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        if isinstance(kind, str) and isinstance(name, str):
            found.add(f"{kind}/{name}")
    return found


def _exists(path: Path) -> bool:
    """Whether there is something at a path; what no file can be named is nowhere."""
    try:
        return path.exists()
    except OSError:
        return False


def _manifest_files(project: Project) -> list[Path]:
    """The project's manifest files. A folder that is missing is an error: it would look as if all of it had been deleted."""
    for name in project.manifests:
        if not _exists(project.root / name):
            raise InvalidProject(
                f"spec.manifests of reconciler.yaml names {name}, which does not exist",
                fix=f"create {name}, or correct spec.manifests",
            )
    beside = guard_sources(project).names
    found = discover(project.root, project.manifests)
    if not beside:
        return found
    base = str(project.root)
    return [path for path in found if relative_name(str(path), base) not in beside]
