"""Desired against desired: what two revisions of a project declare otherwise, found without tenant, secrets or network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.core.difference import Difference
from reconciler.core.differing import Stated, compare_plain, compare_sides
from reconciler.core.resource import Desired, Key
from reconciler.core.selection import Selector, narrowing_words, select
from reconciler.core.since import Since, since_of
from reconciler.engine.revisions import Revision, as_far_as_valid, at_commit, in_work_tree, parting
from reconciler.engine.stating import stated
from reconciler.engine.workspace import Workspace
from reconciler.errors import UsageError
from reconciler.kinds import load_kinds
from reconciler.loading.git import Repository
from reconciler.loading.manifest import Bound


@dataclass(frozen=True, slots=True)
class Narrowing:
    """What a comparison is limited to; ``files`` are files or folders relative to the project."""

    only: tuple[Selector, ...] = ()
    exclude: tuple[Selector, ...] = ()
    files: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What it was limited to, as it was asked for."""
        return narrowing_words(self.files, self.only, self.exclude)


def diff_revisions(
    root: Path, target: str, base: str, head: str = "", narrowing: Narrowing | None = None
) -> Difference:
    """What ``head`` (empty: the work tree) declares otherwise than ``base`` did when the two parted; ``root`` is the project.

    Raises `UsageError` for what is no revision or selects nothing, `GitError`, and `InvalidManifests` or `InvalidProject` where
    ``head`` is not valid. Where ``base`` is not, what can be compared is, and the warnings say what could not.
    """
    repository = Repository.of(root)
    tip = repository.commit(base)
    end = repository.commit(head or "HEAD")
    start, warning = parting(repository, tip, end)
    after = at_commit(repository, end, head, target) if head else in_work_tree(root, target)
    label = base if start == tip else f"{base} (before they parted)"
    before = as_far_as_valid(repository, start, label, target, after.project)
    found = compare_revisions(before, after, target, narrowing or Narrowing())
    return replace(found, warnings=(warning, *found.warnings)) if warning else found


def changed_since(workspace: Workspace, revision: str) -> Since:
    """What `diff_revisions` finds changed in a project since a revision, and what depends on it; raises as it does."""
    found = diff_revisions(workspace.project.root, workspace.target.name, revision)
    return since_of(revision, found, workspace.bound.edges)


def compare_revisions(before: Revision, after: Revision, target: str, narrowing: Narrowing) -> Difference:
    """The difference of two sides that are bound already. Raises `UsageError` where the narrowing selects nothing."""
    kinds = load_kinds()
    pointers = {**before.pointers, **after.pointers}
    old, new = stated(before.bound, kinds, pointers), stated(after.bound, kinds, pointers)
    unclear = _unclear(before, old, new)
    items, unchanged = compare_sides(
        kinds,
        {key: item for key, item in old.items() if key not in unclear},
        {key: item for key, item in new.items() if key not in unclear},
        edges=(before.bound.edges, after.bound.edges),
    )
    settings = compare_plain(before.settings, after.settings) if before.settings else ()
    found = Difference(
        before.side, after.side, target, items, settings, unchanged, tuple(sorted(unclear)), _warnings(before, after)
    )
    return _narrowed(found, before.bound, after.bound, new, narrowing) if narrowing.words else found


def _unclear(before: Revision, old: Mapping[Key, Stated], new: Mapping[Key, Stated]) -> frozenset[Key]:
    """The keys of which nobody knows what they were before: their manifests, or their files, had errors."""
    places = {key: mark.file for key, item in new.items() if key not in old and (mark := item.locate(())) is not None}
    return before.bound.unsound | {key for key, file in places.items() if file in before.obscure}


def _warnings(before: Revision, after: Revision) -> tuple[str, ...]:
    found = [*before.warnings, *after.warnings]
    for side in (before, after):
        if count := len(side.pointers):
            files = "1 file is a Git LFS pointer" if count == 1 else f"{count} files are Git LFS pointers"
            found.append(f"at {side.side.label} {files}: compared by the digest that the pointer gives")
    return tuple(found)


def _narrowed(
    found: Difference, before: Bound, after: Bound, new: Mapping[Key, Stated], narrowing: Narrowing
) -> Difference:
    places = [*_places(before), *_places(after)]
    selected = select(places, narrowing.only, narrowing.exclude, narrowing.files)
    if not selected:
        raise UsageError("the paths and selectors match no manifest", fix="`reconciler graph` lists all keys")
    items = tuple(item for item in found.items if item.key in selected or item.moved_from in selected)
    left_out = tuple(key for key in found.left_out if key in selected)
    differing = {item.key for item in items}
    unchanged = sum(1 for key in new if key in selected and key not in differing and key not in left_out)
    return replace(found, items=items, settings=(), unchanged=unchanged, left_out=left_out, narrowed=narrowing.words)


def _places(bound: Bound) -> Iterator[Desired]:
    """Every manifest as selectors see it: by key, labels and file."""
    yield from bound.desired
    for job in bound.jobs:
        yield Desired(job.key, {}, labels=job.labels, file=job.file)
    for fragment in bound.fragments:
        yield Desired(fragment.key, {}, file=fragment.file)
