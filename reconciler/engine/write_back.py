"""Writing drift back into git's files: the manifests then declare what is live, and the next plan has nothing to undo.

All edits are tried in memory first: the edited project is bound and planned against the same observation, and an edit that
leaves a difference, makes a manifest invalid or moves another resource is given up, with the reason. Only then files change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reconciler.core.compare import FieldChange
from reconciler.core.plan import Plan
from reconciler.core.resource import Desired, Key
from reconciler.core.values import ABSENT
from reconciler.core.written_back import Item, WrittenBack
from reconciler.engine.drift import Drift
from reconciler.engine.planner import Request, compose
from reconciler.engine.session import Session
from reconciler.engine.workspace import bind_edited
from reconciler.errors import InvalidManifests, StorageError
from reconciler.loading.edit_text import END, Edit, Uneditable, edit_document
from reconciler.loading.format import format_text
from reconciler.loading.format_files import Formatted, write_formatted
from reconciler.loading.secrets import SecretResolver
from reconciler.loading.write_back import Place, edits_for
from reconciler.loading.yaml_source import make_source


@dataclass(frozen=True, slots=True)
class _Wish:
    """A field that an edit exists for."""

    item: Item
    place: Place
    edits: tuple[Edit, ...]


def write_back(session: Session, drift: Drift) -> WrittenBack:
    """Edit the manifests so that they declare what drifted; what a file that cannot be written declares is left.

    Raises `StorageError` where a file cannot be read: nothing has been written then.
    """
    run = _Run(session, drift)
    wishes = run.settled([], run.wishes())
    changed, refused = run.write(wishes)
    for wish in wishes:
        if wish.place.file in refused:
            run.leave(wish.item, refused[wish.place.file])
    order = sorted((wish.item for wish in wishes if wish.place.file not in refused), key=_position)
    return WrittenBack(tuple(order), tuple(sorted(run.left, key=_position)), tuple(changed))


class _Run:
    """One attempt: the drift, the texts as they are, and what had to be left."""

    def __init__(self, session: Session, drift: Drift) -> None:
        self.session = session
        self.drift = drift
        self.before: dict[str, str] = {}
        self.left: list[Item] = []
        self._bytes: dict[str, bytes] = {}
        self._desired = {item.key: item for item in session.workspace.bound.desired}
        self._owners = {(key.kind, entry.id): key for key, entry in session.ledger.entries.items()}

    def wishes(self) -> list[_Wish]:
        """What could be written back, judged field by field."""
        found: list[_Wish] = []
        for change in self.drift.plan.changes:
            desired = self._desired.get(change.key)
            if change.reason == "missing" or desired is None:
                gone = "it is gone from the tenant: remove its manifest, or apply to create it again"
                self.leave(Item(change.key, None, change.mark), gone)
                continue
            fields = [field for field in change.fields if field.status == "theirs"]
            for field in change.fields:
                item = Item(change.key, field, change.marks.get(field.label) or change.mark)
                if field.status == "both":
                    self.leave(item, "git changed it as well: choose one of the two values by hand")
                elif (wish := self._wish(desired, item, field, fields)) is not None:
                    found.append(wish)
        return found

    def leave(self, item: Item, reason: str) -> None:
        """Give up on an item."""
        self.left.append(replace(item, reason=reason))

    def _wish(self, desired: Desired, item: Item, field: FieldChange, fields: list[FieldChange]) -> _Wish | None:
        kind = self.session.workspace.kinds[desired.key.kind]
        try:
            return _Wish(item, *edits_for(desired, kind, field, fields, lambda id_: self._owner(kind, field, id_)))
        except Uneditable as error:
            self.leave(item, str(error))
            return None

    def _owner(self, kind: Any, field: FieldChange, resource_id: str) -> str:
        for reference in kind.references:
            if reference.wire_field == field.path[0] and reference.target_field == "id":
                found = (self._owners.get((name, resource_id)) for name in reference.kinds)
                return next((str(key) for key in found if key is not None and key in self._desired), "")
        return ""

    def settled(self, accepted: list[_Wish], wishes: list[_Wish]) -> list[_Wish]:
        """Those wishes that can all be carried out beside the accepted ones; the others are left with the reason.

        Most often that is all of them, which one trial shows; else halves are tried, down to the single ones that cannot.
        """
        if not wishes:
            return []
        reason = self._trial([*accepted, *wishes])
        if not reason:
            return wishes
        if len(wishes) == 1:
            self.leave(wishes[0].item, reason)
            return []
        middle = len(wishes) // 2
        first = self.settled(accepted, wishes[:middle])
        return first + self.settled(accepted + first, wishes[middle:])

    def _trial(self, wishes: list[_Wish]) -> str:
        """Why wishes cannot all be carried out: empty where the project is valid, without such drift, and else the same.

        The last wish is the one that the reason is about, if it is about one.
        """
        try:
            texts = self.texts(wishes)
        except Uneditable as error:
            return str(error)
        except InvalidManifests as error:
            return f"the file could not be laid out again: {error.diagnostics[0].message}"
        session = self.session
        resolver = SecretResolver(session.workspace.project.root, session.environ)
        bound = bind_edited(session.workspace, texts, environ=session.environ, resolver=resolver)
        if bound.failed:
            wrong = next(item for item in bound.diagnostics if item.severity == "error")
            return f"the manifests would not be valid: {wrong.message}"
        plan = compose(
            replace(session.workspace, bound=bound),
            self.drift.observed,
            session.ledger,
            Request(prune=False),
            fingerprint=session.mark,
        )
        before, after = _differences(self.drift.whole), _differences(plan)
        if {(wish.item.key, wish.item.field.label) for wish in wishes if wish.item.field} & after.keys():
            return "git's spelling of it could not be found"
        moved = sorted({key for key, _ in after.keys() - before.keys()})
        if not moved:
            return ""
        if moved == [wishes[-1].item.key]:
            return "it would change something else of the resource"
        return f"{moved[0]} takes the same value from there"

    def texts(self, wishes: Iterable[_Wish]) -> dict[str, str]:
        """The edited files in canonical layout. Raises `Uneditable` or `InvalidManifests`."""
        files: dict[str, dict[int, list[_Wish]]] = {}
        for wish in wishes:
            files.setdefault(wish.place.file, {}).setdefault(wish.place.index, []).append(wish)
        out: dict[str, str] = {}
        for name, documents in files.items():
            text = self._read(name)
            for index, those in sorted(documents.items()):
                text = edit_document(text, index, _ordered(those))
            out[name] = format_text(text, name)
        return out

    def _read(self, name: str) -> str:
        if name not in self.before:
            try:
                content = self._path(name).read_bytes()
            except OSError as error:
                raise StorageError(f"{name} cannot be read: {error.strerror}", fix="run again") from error
            self._bytes[name] = content
            self.before[name] = make_source(content, name).text
        return self.before[name]

    def _path(self, name: str) -> Path:
        return self.session.workspace.project.root / name

    def write(self, wishes: list[_Wish]) -> tuple[list[str], dict[str, str]]:
        """Replace the files that change; gives those that were, and of the others why they could not be."""
        changed, refused = [], {}
        for name, text in sorted(self.texts(wishes).items()):
            if text != self.before[name]:
                try:
                    self._replace(name, text)
                    changed.append(name)
                except StorageError as error:
                    refused[name] = error.message
        return changed, refused

    def _replace(self, name: str, text: str) -> None:
        """Replace one file, unless somebody changed it meanwhile."""
        path = self._path(name)
        try:
            same = path.read_bytes() == self._bytes[name]
        except OSError:
            same = False
        if not same:
            raise StorageError(f"{name} was changed while it was to be edited", fix="run again")
        write_formatted(Formatted(name, path, self.before[name], text, changed=True))


def _ordered(wishes: Iterable[_Wish]) -> list[Edit]:
    """Edits in an order in which each finds its place: what is taken out of lists goes last, from the end on.

    Resources that share a fragment may wish for the same edit, which is made once.
    """
    edits: list[Edit] = []
    for wish in wishes:
        edits += [edit for edit in wish.edits if edit.path[-1] == END or edit not in edits]
    taken = [edit for edit in edits if edit.value is ABSENT]
    return [edit for edit in edits if edit.value is not ABSENT] + sorted(
        taken, key=lambda edit: [(isinstance(part, str), part) for part in edit.path], reverse=True
    )


def _differences(plan: Plan) -> dict[tuple[Key, str], str]:
    """Every field that a plan would write, or write back, with its status."""
    found: dict[tuple[Key, str], str] = {}
    for change in plan.changes:
        if change.action != "none":
            found[change.key, ""] = change.action
        for field in change.fields:
            found[change.key, field.label] = field.status
    return found


def _position(item: Item) -> tuple[str, int, Key, str]:
    mark = item.mark
    return (mark.file if mark else "", mark.line if mark else 0, item.key, item.field.label if item.field else "")
