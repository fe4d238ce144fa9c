"""What an export begins with: the project as it is, which may have no manifests yet, and everything that is live."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from reconciler.core.diagnostic import Diagnostic
from reconciler.core.kind import Kinds
from reconciler.core.resource import Desired, Key, Observed
from reconciler.engine.observe import observe_kinds
from reconciler.engine.session import Session, run
from reconciler.engine.state.fingerprint import Fingerprinter, provisional_salt
from reconciler.engine.state.ledger import load_ledger
from reconciler.engine.state.store import open_store
from reconciler.engine.workspace import Workspace
from reconciler.kinds import load_kinds
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.loading.bind import bind
from reconciler.loading.manifest import Bound
from reconciler.loading.project import PROJECT_FILE
from reconciler.loading.project_file import load_project
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.yaml import Document, discover, load_files


@dataclass(slots=True)
class Survey:
    """Project and tenant side by side.

    ``documents`` are the project's own manifests, without those that the export writes anew; ``observed`` is what is live of the
    kinds looked at; ``declared`` gives the keys that live resources have already, by kind and id.
    """

    session: Session
    documents: list[Document]
    observed: dict[str, list[Observed]] = field(default_factory=dict)
    declared: dict[tuple[str, str], Key] = field(default_factory=dict)

    @property
    def kinds(self) -> Kinds:
        """All kinds by name."""
        return self.session.workspace.kinds

    def bind(self, documents: Iterable[Document]) -> Bound:
        """What manifests mean for the target, as every other command would have it."""
        return _bind(self.session.workspace, documents, self.session.environ)


def survey(
    directory: Path | None,
    target: str,
    wanted: Iterable[str],
    *,
    debug: Callable[[str], None],
    detail: int = 0,
    environ: Mapping[str, str] | None = None,
    anew: Callable[[str, Key], bool] = lambda file, key: False,  # noqa: ARG005
) -> Survey:
    """Read the project and list what is live of the ``wanted`` kinds and of all that they refer to.

    ``anew`` says of a manifest by file and key that it is to be disregarded, as the export writes it again. Raises
    `InvalidManifests` where the project's own manifests are wrong.
    """
    variables = os.environ if environ is None else environ
    project = load_project(directory)
    chosen = project.target(target)
    kinds = load_kinds()
    present = [name for name in project.manifests if (project.root / name).exists()]
    documents, diagnostics = load_files(discover(project.root, present), project.root)
    kept = [item for item in documents if item.file != PROJECT_FILE and not _again(item, anew)]
    workspace = Workspace(project, chosen, kinds, Bound(), len(kept))
    workspace = replace(workspace, bound=_bind(workspace, kept, variables, diagnostics).require())
    store = open_store(chosen.ledger, project.root, chosen.name)
    ledger = load_ledger(store, stack=project.stack, target=chosen.url)
    salt = provisional_salt(ledger.stack, ledger.target) if ledger.lost else ledger.salt
    session = Session(workspace, store, ledger, Fingerprinter(salt), variables, debug, detail)
    session.extra_kinds = with_targets(kinds, wanted)
    found = Survey(session, kept)
    found.observed = _observe(session)
    found.declared = _declared(session, workspace.bound.desired, found.observed)
    return found


def with_targets(kinds: Kinds, wanted: Iterable[str]) -> set[str]:
    """Some kinds, and all those that their live resources refer to."""
    found: set[str] = set()
    waiting = list(wanted)
    while waiting:
        name = waiting.pop()
        if name in found or name not in kinds:
            continue
        found.add(name)
        waiting += [other for rule in kinds[name].references if rule.wire_field for other in rule.kinds]
    return found


def _bind(
    workspace: Workspace,
    documents: Iterable[Document],
    environ: Mapping[str, str],
    earlier: Iterable[Diagnostic] = (),
) -> Bound:
    root = workspace.project.root
    return bind(
        documents,
        project=workspace.project,
        target=workspace.target,
        kinds=workspace.kinds,
        metadata_model=METADATA_MODEL,
        environ=environ,
        resolver=SecretResolver(root, environ),
        earlier=earlier,
    )


def _again(document: Document, anew: Callable[[str, Key], bool]) -> bool:
    value = document.value if isinstance(document.value, dict) else {}
    metadata = value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return isinstance(name, str) and anew(document.file, Key(str(value.get("kind")), name))


def _observe(session: Session) -> dict[str, list[Observed]]:
    async def work() -> dict[str, list[Observed]]:
        async with session.client(write=False) as client:
            return await observe_kinds(client, session.workspace.kinds, session.extra_kinds)

    return run(work)


def _declared(
    session: Session, desired: Iterable[Desired], observed: Mapping[str, list[Observed]]
) -> dict[tuple[str, str], Key]:
    """The keys that live resources have: by the ledger's id, else by the live name of a manifest."""
    manifests = {item.key for item in desired}
    by_id = {(key.kind, entry.id): key for key, entry in session.ledger.entries.items() if key in manifests}
    by_name = {(item.key.kind, item.live_name): item.key for item in desired}
    found: dict[tuple[str, str], Key] = {}
    for kind, items in observed.items():
        for item in items:
            key = by_id.get((kind, item.id)) or by_name.get((kind, item.name))
            if key is not None:
                found[kind, item.id] = key
    return found
