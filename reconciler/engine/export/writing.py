"""Writing down: which live resources become manifests, under which keys, and what could not be said in one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import ValidationError

from reconciler.core.declare import Declared, Directory, Placeholder, declare
from reconciler.core.exported import LeftOut
from reconciler.core.kind import Kind, Kinds
from reconciler.core.labels import folder_of, labels_for, variable_of
from reconciler.core.resource import Desired, Key, Observed
from reconciler.core.selection import Selector
from reconciler.core.sharing import Shared, share
from reconciler.core.values import Tree
from reconciler.engine.export.layout import form_of
from reconciler.engine.export.survey import Survey

Split = Literal["resource", "kind"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be exported: kinds (all when empty), selectors, and where the files go.

    ``folder`` is relative to the project, with forward slashes. ``code`` maps the SHA-256 of bundles to folders that build them.
    """

    kinds: tuple[str, ...] = ()
    only: tuple[Selector, ...] = ()
    exclude: tuple[Selector, ...] = ()
    folder: str = "manifests"
    split: Split = "resource"
    code: Mapping[str, str] = field(default_factory=dict)

    def file(self, key: Key) -> str:
        """The file that a key's manifest is written to, relative to the project."""
        place = folder_of(key.kind)
        return f"{self.folder}/{place}/{key.name}.yaml" if self.split == "resource" else f"{self.folder}/{place}.yaml"


@dataclass(slots=True)
class Written:
    """What an export comes to, before anything is on disk.

    ``items`` are the resources with their specs, ``shared`` the fragments made of what they have in common, ``along`` those
    that nobody selected and that selected ones refer to, ``declared`` how many of the selected ones have a manifest already.
    """

    items: list[Declared] = field(default_factory=list)
    shared: list[Shared] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    along: list[Key] = field(default_factory=list)
    declared: int = 0

    @property
    def secrets(self) -> list[Placeholder]:
        """All secrets to provide, by variable."""
        return sorted((one for item in self.items for one in item.secrets), key=lambda one: one.variable)

    @property
    def pinned(self) -> list[Key]:
        """The resources whose code is known by its digest only."""
        return [item.key for item in self.items if item.pinned]


def write_down(found: Survey, wanted: Wanted, refused: Mapping[tuple[str, str], str]) -> Written:
    """Declare all that is wanted. ``refused`` are resources, by kind and id, that proved to be impossible to declare, and why.

    What one of them is needed for cannot be declared either, and so on until all that is left holds together.
    """
    out = Written()
    live = _selected(found, wanted, out)
    reasons = dict(refused)
    while True:
        items, failed = _round(found, wanted, live, reasons)
        if not failed:
            break
        reasons |= failed
    out.items = sorted(items, key=lambda item: item.key)
    names = {(one.kind, one.id): one.name for one in live}
    out.left_out += [LeftOut(kind, names[kind, id_], id_, why) for (kind, id_), why in sorted(reasons.items())]
    fragments = {item.key: item.spec for item in found.session.workspace.bound.fragments}
    taken = set(found.session.workspace.bound.edges) | {item.key for item in items}
    out.shared = share(out.items, found.kinds, fragments, taken)
    forms = {kind: form_of(found.kinds[kind]) for kind in sorted({item.key.kind for item in out.items})}
    for item in out.items:
        one = item.live
        out.left_out += [LeftOut(one.kind, one.name, one.id, why, name) for name, why in item.unsaid]
        item.spec = forms[item.key.kind].arrange(item.spec)
    return out


def _selected(found: Survey, wanted: Wanted, out: Written) -> list[Observed]:
    """What is selected and not declared yet, and what that refers to."""
    kinds = found.kinds
    everything = [item for items in found.observed.values() for item in items]
    chosen = [item for item in everything if (not wanted.kinds or item.kind in wanted.kinds) and _named(item, wanted)]
    open_ = [item for item in chosen if (item.kind, item.id) not in found.declared]
    out.declared = len(chosen) - len(open_)
    by_id = {(item.kind, item.id): item for item in everything}
    taken = {(item.kind, item.id) for item in open_}
    waiting = list(open_)
    while waiting:
        item = waiting.pop()
        for rule in kinds[item.kind].references:
            target = str(item.body.get(rule.wire_field, "")) if rule.wire_field else ""
            for name in rule.kinds:
                place = (name, target)
                if place in by_id and place not in taken and place not in found.declared:
                    taken.add(place)
                    open_.append(by_id[place])
                    waiting.append(by_id[place])
                    out.along.append(Key(name, by_id[place].name))
    out.along.sort()
    return sorted(open_, key=lambda item: (item.kind, item.name, item.id))


def _named(item: Observed, wanted: Wanted) -> bool:
    """Whether the selectors mean a live resource: by its live name, or by the key that it would get."""
    label = labels_for([item.name], (), item.kind.lower())[item.name] if wanted.only or wanted.exclude else ""
    names = [Desired(Key(item.kind, name), {}) for name in (item.name, label)]

    def meant(selectors: Sequence[Selector]) -> bool:
        return any(selector.matches(one) for selector in selectors for one in names)

    return (not wanted.only or meant(wanted.only)) and not meant(wanted.exclude)


def _round(
    found: Survey, wanted: Wanted, live: Sequence[Observed], reasons: Mapping[tuple[str, str], str]
) -> tuple[list[Declared], dict[tuple[str, str], str]]:
    """Declare what is left, and say what of it turned out to be impossible."""
    left = [item for item in live if (item.kind, item.id) not in reasons]
    failed = _same_names(left)
    left = [item for item in left if (item.kind, item.id) not in failed]
    keys = _keys(left, set(found.session.workspace.bound.edges))
    known = (item.id for items in found.observed.values() for item in items)
    directory = Directory.of({**found.declared, **keys}, wanted.code, known)
    variables = _Variables()
    circles = _Circles(found, left, keys, directory)
    items = []
    for one in left:
        key, kind = keys[one.kind, one.id], found.kinds[one.kind]
        item = declare(kind, key, one, directory, variables.of(key), circles.allowed)
        why = item.problems[0] if item.problems else _invalid(kind, item)
        if why:
            failed[one.kind, one.id] = why
        else:
            items.append(item)
    return items, failed


def _same_names(live: Iterable[Observed]) -> dict[tuple[str, str], str]:
    """Resources that share their live name: a manifest could mean either."""
    by_name: dict[tuple[str, str], list[Observed]] = {}
    for item in live:
        by_name.setdefault((item.kind, item.name), []).append(item)
    return {
        (item.kind, item.id): f"{len(items)} {item.kind}s have this name; rename all but one of them in the tenant"
        for items in by_name.values()
        if len(items) > 1
        for item in items
    }


def _keys(live: Iterable[Observed], taken: set[Key]) -> dict[tuple[str, str], Key]:
    by_kind: dict[str, list[Observed]] = {}
    for item in live:
        by_kind.setdefault(item.kind, []).append(item)
    found = {}
    for kind, items in by_kind.items():
        used = {key.name for key in taken if key.kind == kind}
        labels = labels_for((item.name for item in items), used, kind.lower())
        found.update({(kind, item.id): Key(kind, labels[item.name]) for item in items})
    return found


def _invalid(kind: Kind, item: Declared) -> str:
    """Why a spec is not one that a manifest may have; fields that can be done without are left out instead."""
    while True:
        try:
            kind.spec.model_validate(item.spec)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0]) if first["loc"] else ""
            where = ".".join(str(part) for part in first["loc"])
            why = f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"
            if first["type"] == "extra_forbidden":
                why = f"{where}: this version does not know it"
            if name not in item.spec or name == "name" or name in _needed(kind):
                return why
            item.spec = {key: value for key, value in item.spec.items() if key != name}
            item.secrets = [one for one in item.secrets if one.path.partition(".")[0] != name]
            item.unsaid.append((name, why))
        else:
            return ""


def _needed(kind: Kind) -> frozenset[str]:
    fields: Mapping[str, Any] = kind.spec.model_fields
    return frozenset(info.alias or name for name, info in fields.items() if info.is_required())


class _Variables:
    """Names for the environment variables of secrets, no two alike."""

    def __init__(self) -> None:
        self._given: dict[tuple[Key, str], str] = {}
        self._used: set[str] = set()

    def of(self, key: Key) -> Callable[[str], str]:
        """What names the variables of one resource's secrets, by path."""

        def variable(path: str) -> str:
            if (key, path) not in self._given:
                stem = variable_of(key.kind, key.name, path.rpartition(".")[2])
                number, name = 1, stem
                while name in self._used:
                    number += 1
                    name = f"{stem}_{number}"
                self._used.add(name)
                self._given[key, path] = name
            return self._given[key, path]

        return variable


class _Circles:
    """Keeps references that are only found in text from closing a circle with the others."""

    def __init__(
        self, found: Survey, live: Iterable[Observed], keys: Mapping[tuple[str, str], Key], directory: Directory
    ) -> None:
        self._edges: dict[Key, set[Key]] = {
            key: set(others) for key, others in found.session.workspace.bound.edges.items()
        }
        for item in live:
            for rule in found.kinds[item.kind].references:
                target = str(item.body.get(rule.wire_field)) if rule.wire_field else ""
                for name in rule.kinds:
                    if (name, target) in directory.keys:
                        self._edges.setdefault(keys[item.kind, item.id], set()).add(directory.keys[name, target])

    def allowed(self, source: Key, target: Key) -> bool:
        """Whether a reference closes no circle; one that does not is remembered."""
        waiting, seen = [target], set()
        while waiting:
            key = waiting.pop()
            if key == source:
                return False
            if key not in seen:
                seen.add(key)
                waiting += self._edges.get(key, ())
        self._edges.setdefault(source, set()).add(target)
        return True


def manifest_of(key: Key, spec: Tree) -> Tree:
    """A manifest as data, in the order of the canonical layout."""
    return {"apiVersion": "cxone.reconciler/v1", "kind": key.kind, "metadata": {"name": key.name}, "spec": spec}


def kinds_of(wanted: Wanted, kinds: Kinds) -> list[str]:
    """The resource kinds that an export is about."""
    return list(wanted.kinds) or [name for name, kind in kinds.items() if kind.wire is not None]
