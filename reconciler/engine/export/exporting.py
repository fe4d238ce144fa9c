"""One export from beginning to end, with its gate: what was written has to mean exactly what is live."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Final

from reconciler.core.diagnostic import Diagnostic
from reconciler.core.exported import Exported
from reconciler.core.plan import Change, Plan
from reconciler.core.resource import Entry, Key
from reconciler.engine.actor import actor
from reconciler.engine.applying import refuse_open_journal
from reconciler.engine.clock import now, stamp
from reconciler.engine.export.pages import SECRETS_FILE, files, manifests, ours, secrets_page
from reconciler.engine.export.placing import check_places, place
from reconciler.engine.export.survey import Survey
from reconciler.engine.export.writing import Wanted, Written, write_down
from reconciler.engine.planner import Request, compose
from reconciler.engine.session import Session
from reconciler.engine.state.audit import AuditLog
from reconciler.engine.state.ledger import LedgerWriter
from reconciler.errors import InvalidManifests
from reconciler.loading.manifest import Bound
from reconciler.loading.yaml import Document, parse_text

Place = tuple[str, str]
"""A live resource: its kind and its id."""

_ROUNDS: Final = 50
"""Rounds of leaving out what proves to be impossible; each one leaves out something, and hardly any export needs two."""


@dataclass(slots=True)
class Export:
    """What an export comes to: the files by path, relative to the project, and what they hold.

    ``adopted`` is whether the ledger knows the resources.
    """

    found: Survey
    wanted: Wanted
    written: Written
    files: dict[str, str]
    adopted: bool = False

    def account(self, *, dry_run: bool) -> Exported:
        """What happened, for people and machines."""
        written = self.written
        counts = Counter([item.key.kind for item in written.items] + [item.key.kind for item in written.shared])
        return Exported(
            self.found.session.workspace.target.name,
            self.wanted.folder,
            dict(sorted(counts.items())),
            tuple(self.files),
            tuple(written.secrets),
            tuple(written.pinned),
            tuple(written.left_out),
            tuple(written.along),
            written.declared,
            self.adopted,
            dry_run,
            f"{self.wanted.folder}/{SECRETS_FILE}" if written.secrets else "",
            tuple((item.key, path) for item in written.items for path in dict.fromkeys(item.literal_ids)),
        )


def export(found: Survey, wanted: Wanted) -> Export:
    """Write down what is live and check it: every manifest is read back, and a plan on all of them must find nothing to do.

    What does not pass is left out and said; nothing is on disk yet.
    """
    refused: dict[Place, str] = {}
    for _ in range(_ROUNDS):
        written = write_down(found, wanted, refused)
        texts = manifests(written)
        live = {item.key for item in written.items}
        bound, wrong = _read_back(found, texts)
        if not wrong:
            session = found.session
            session.workspace = replace(session.workspace, bound=bound, documents=len(bound.edges))
            wrong = _differences(_plan(found, written), live)
        if not wrong:
            return Export(found, wanted, written, files(texts, wanted))
        blamed = _blamed(wrong, written)
        if not blamed:
            break
        refused |= blamed
    raise InvalidManifests(bound.diagnostics)


def _read_back(found: Survey, texts: Mapping[Key, str]) -> tuple[Bound, dict[Key, str]]:
    """Bind what was written together with what was there, and say which of the new manifests are wrong."""
    documents: list[Document] = list(found.documents)
    places: dict[str, Key] = {}
    wrong: dict[Key, str] = {}
    for key, text in texts.items():
        file = f"{key.kind}/{key.name}.yaml"
        places[file] = key
        parsed, diagnostics = parse_text(text, file)
        documents += parsed
        wrong.update((key, item.message) for item in diagnostics)
    bound = found.bind(documents)
    for item in bound.diagnostics:
        if item.severity == "error" and (key_ := _place(item, places)) is not None:
            wrong.setdefault(key_, item.message)
    if bound.failed and not wrong:
        raise InvalidManifests(bound.diagnostics)
    return bound, wrong


def _place(diagnostic: Diagnostic, places: Mapping[str, Key]) -> Key | None:
    marks = [diagnostic.mark, *(mark for _, mark in diagnostic.related)]
    return next((places[mark.file] for mark in marks if mark is not None and mark.file in places), None)


def _plan(found: Survey, written: Written) -> Plan:
    adopt = {item.key: item.live.id for item in written.items}
    session = found.session
    return compose(session.workspace, found.observed, session.ledger, Request(adopt=adopt), fingerprint=session.mark)


def _differences(plan: Plan, exported: Collection[Key]) -> dict[Key, str]:
    """What the plan would change of what was just exported, in words."""
    wrong = {item.key: item.message for item in plan.problems if item.key in exported}
    for change in plan.changes:
        if change.key in exported and (change.fields or change.steps or change.action not in ("adopt", "none")):
            wrong.setdefault(change.key, f"read back, its manifest means something else: {_what(change)}")
    return {key: why for key, why in wrong.items() if key is not None}


def _what(change: Change) -> str:
    return ", ".join(item.label for item in change.fields[:3]) or change.action


def _blamed(wrong: Mapping[Key, str], written: Written) -> dict[Place, str]:
    """The live resources behind manifests that are wrong; a fragment's fault is that of all who use it."""
    out: dict[Place, str] = {}
    fragments = {item.key for item in written.shared} & wrong.keys()
    for item in written.items:
        why = wrong.get(item.key) or next((wrong[key] for key in item.links if key in fragments), "")
        if why:
            out[item.live.kind, item.live.id] = why
    return out


def _entries(plan: Plan, written: Written) -> list[Entry]:
    tags = {item.key: item.live.etag for item in written.items}
    return [
        replace(change.entry, etag=tags[change.key])
        for change in plan.changes
        if change.key in tags and change.action == "adopt" and change.entry is not None
    ]


def put_down(made: Export, *, overwrite: bool) -> None:
    """Write the files; raises `UsageError` where some are there already, `StorageError` where they cannot be written."""
    root = made.found.session.workspace.project.root
    name = f"{made.wanted.folder}/{SECRETS_FILE}"
    path = root / name
    before = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    page = secrets_page(made.written, before if ours(before) else "")
    pages = made.files | ({name: page} if page and made.written.secrets else {})
    check_places(root, pages, frozenset({name}) if ours(before) else frozenset(), overwrite=overwrite)
    place(root, pages)
    made.files = pages


def take_over(made: Export, lock_timeout: float = 0.0) -> None:
    """Put what was exported into the ledger as it is live, without touching the tenant: the next plan finds nothing to do."""
    session: Session = made.found.session
    with session.store.lease(actor(), "export", lock_timeout):
        refuse_open_journal(session)
        session.reload()
        writer = LedgerWriter(session.store, session.ledger)
        audit = AuditLog(session.store, actor=actor(), head=session.ledger.audit_head)
        # Planned once more: fingerprints are made with the salt of the ledger that is written now.
        for entry in _entries(_plan(made.found, made.written), made.written):
            writer.put(entry.key, entry)
            audit.add("adopt", at=stamp(now()), resource=str(entry.key))
        audit.flush()
        writer.save(audit_head=audit.head)
    made.adopted = True
