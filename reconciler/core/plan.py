"""A plan: the ordered changes that make the tenant match, with the state that each one saw. Immutable once made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from reconciler.core.compare import FieldChange, Path
from reconciler.core.diagnostic import Mark
from reconciler.core.resource import NOTHING_THERE, Entry, Key, Pin
from reconciler.core.schema_change import SchemaEffect
from reconciler.core.values import Tree

Action = Literal["create", "update", "delete", "adopt", "forget", "none"]
Operation = Literal["create", "update", "move", "delete"]


@dataclass(frozen=True, slots=True)
class Step:
    """One request of a change. ``body`` is a tree: a whole resource for a create, a merge patch for an update or a move.

    A delete's is empty, or ``{"force": true}`` where records go with the resource.
    """

    operation: Operation
    body: Tree


@dataclass(frozen=True, slots=True)
class Change:
    """One planned step on one resource.

    ``pin`` is the state that was seen; ``steps`` the requests in order (none for adopt without differences, forget, none);
    ``entry`` what the ledger will hold afterwards (None: nothing). ``after`` are the keys whose changes come first.
    ``unchecked`` are secrets to be looked at when applying. ``reason`` says why where the action alone does not (``missing``,
    ``moved from …``). ``marks`` gives the source of fields by label, ``modified`` who wrote the live resource last, and when.
    ``labels`` and ``annotations`` are the manifest's: what a project's own guards may go by.
    """

    key: Key
    action: Action
    live_name: str
    resource_id: str = ""
    pin: Pin = NOTHING_THERE
    steps: tuple[Step, ...] = ()
    fields: tuple[FieldChange, ...] = ()
    unchecked: tuple[Path, ...] = ()
    entry: Entry | None = None
    after: tuple[Key, ...] = ()
    reason: str = ""
    moved_from: Key | None = None
    mark: Mark | None = None
    marks: Mapping[str, Mark] = field(default_factory=dict)
    modified: tuple[str, str] = ("", "")
    effects: tuple[SchemaEffect, ...] = ()
    touches: tuple[Key, ...] = ()
    bundle_files: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)

    @property
    def drifted(self) -> bool:
        """Whether somebody changed the tenant behind git's back here (a conflict is that, too)."""
        return self.reason == "missing" or any(change.status in ("theirs", "both") for change in self.fields)

    @property
    def noted(self) -> bool:
        """Whether nothing is sent for it and a reader should know all the same: of secrets to check, moved keys, released fields."""
        return self.action == "none" and bool(self.unchecked or self.reason or self.moved_from or self.fields)

    @property
    def conflicted(self) -> bool:
        """Whether git and the tenant both moved a field, apart from each other."""
        return any(change.status == "both" for change in self.fields)


@dataclass(frozen=True, slots=True)
class Orphan:
    """A resource of the ledger whose manifest is gone and which this plan leaves alone, and why."""

    key: Key
    live_name: str
    resource_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Problem:
    """What stands in the way of applying: a guard's code, one message, and the way out.

    ``acknowledge`` is what ``--allow`` takes to let it pass, empty where nothing can; ``change`` begins the digest by which a file
    of acknowledgements may name the one change that it is about.
    """

    code: str
    message: str
    fix: str = ""
    key: Key | None = None
    acknowledge: str = ""
    change: str = ""


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """What somebody accepted although a guard does not.

    ``accepts`` is as ``--allow`` takes it; ``message`` what the guard had said, empty for what may only come to pass until the plan is
    applied (a freeze). ``expires`` is an RFC 3339 time, empty for one run; ``source`` is ``--allow`` or the place in a file.
    """

    accepts: str
    message: str = ""
    reason: str = ""
    by: str = ""
    expires: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class Cost:
    """What applying takes: requests, and seconds at the target's limit (0 where it has none)."""

    requests: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Header:
    """Where and when a plan was made. Times are RFC 3339 in UTC; ``manifests`` is a SHA-256 over all manifests."""

    target: str = ""
    url: str = ""
    stack: str = ""
    created: str = ""
    expires: str = ""
    commit: str = ""
    manifests: str = ""
    tool: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered changes with all that a reader or an apply needs to know.

    ``changes`` stand in apply order and hold no ``none`` but those with something to record or to check. ``unchanged`` counts
    what is as declared, recorded so already or not, ``sizes`` the owned resources by kind (the denominators of guards).
    ``partial`` says that the run was narrowed, ``narrowed`` to what, as it was asked for.
    """

    header: Header
    changes: tuple[Change, ...] = ()
    orphans: tuple[Orphan, ...] = ()
    problems: tuple[Problem, ...] = ()
    warnings: tuple[str, ...] = ()
    unchanged: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict)
    partial: bool = False
    manifests: int = 0
    cost: Cost = Cost()
    acknowledged: tuple[Acknowledged, ...] = ()
    narrowed: tuple[str, ...] = ()

    def count(self, action: Action) -> int:
        """How many changes of one action there are; an update that only checks secrets counts as none."""
        return sum(1 for change in self.changes if change.action == action)

    @property
    def drifted(self) -> tuple[Change, ...]:
        """The changes in which the tenant had moved, conflicts first."""
        found = [change for change in self.changes if change.drifted]
        return tuple(sorted(found, key=lambda change: (not change.conflicted, change.key)))

    @property
    def has_changes(self) -> bool:
        """Whether applying would do anything that a person would call a change."""
        return any(change.action != "none" for change in self.changes)

    @property
    def empty(self) -> bool:
        """Whether applying would send nothing and record nothing."""
        return not self.changes


def summary(plan: Plan) -> str:
    """The one-line account that every renderer begins with."""
    parts = [
        f"{plan.count('create')} to create",
        f"{plan.count('update')} to update",
        f"{plan.count('delete')} to delete",
    ]
    if adopted := plan.count("adopt"):
        parts.append(f"{adopted} to adopt")
    if forgotten := plan.count("forget"):
        parts.append(f"{forgotten} to forget")
    parts.append(f"{len(plan.drifted)} drifted")
    return ", ".join(parts)
