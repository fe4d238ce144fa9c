"""A reviewed change made anew against what is live now: whether it is the same, and if not, both side by side."""

from __future__ import annotations

from dataclasses import dataclass

from reconciler.core.compare import FieldChange, Path, compare
from reconciler.core.kind import Kind
from reconciler.core.plan import Change
from reconciler.core.resource import Entry, Observed
from reconciler.core.values import Tree
from reconciler.render.rows import Room, label_of, three_sides

_TOLD = 5
_ROOM = Room()


@dataclass(frozen=True, slots=True)
class Anew:
    """The fields that were reviewed and those that would be sent now, by path."""

    reviewed: dict[Path, FieldChange]
    now: dict[Path, FieldChange]

    @property
    def moved(self) -> list[Path]:
        """The fields whose change is not the reviewed one."""
        return [path for path in sorted(self.reviewed.keys() | self.now.keys(), key=repr) if not self._same(path)]

    def _same(self, path: Path) -> bool:
        pair = (self.reviewed.get(path), self.now.get(path))
        before, after = (None if item is None else (item.status, repr(item.live)) for item in pair)
        return before == after

    def told(self, live: Observed) -> str:
        """Who moved the resource, and both changes where they differ; secrets show as such."""
        who = f" (by {live.modified_by} at {live.modified_time})" if live.modified_by else ""
        if not self.moved:
            return f"{who}, though nothing that the manifest declares"
        parts = [
            f"{label_of(path, -1, _ROOM)}: reviewed {_words(self.reviewed.get(path))}, now {_words(self.now.get(path))}"
            for path in self.moved[:_TOLD]
        ]
        more = [f"{len(self.moved) - _TOLD} more fields"] if len(self.moved) > _TOLD else []
        return f"{who}; {'; '.join(parts + more)}"


def made_anew(kind: Kind, change: Change, known: Entry | None, wanted: Tree, live: Tree) -> Anew:
    """Make a change anew: ``known`` is the ledger's entry before it, ``wanted`` all that the manifest declares."""
    again = compare(kind, known.fields if known else {}, wanted, live, fingerprint=lambda secret: secret.fingerprint)
    return Anew(
        {item.path: item for item in change.fields if item.sends},
        {item.path: item for item in again.changes if item.sends},
    )


def _words(item: FieldChange | None) -> str:
    if item is None:
        return "no change"
    sides = dict(three_sides(item, _ROOM))
    return f"{sides['tenant']} → {sides['git']}"
