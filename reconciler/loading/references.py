"""References between manifests: that they exist and have the right kind, and that they lead in no circle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from reconciler.core.diagnostic import PathParts, Rule
from reconciler.core.resource import Key
from reconciler.core.values import Template, Unknown
from reconciler.loading import rules
from reconciler.loading.findings import Findings
from reconciler.loading.leaves import Unread
from reconciler.loading.manifest import Manifest
from reconciler.loading.suggest import did_you_mean, nearest


def parse_reference(text: str, kinds: tuple[str, ...]) -> Key | None:
    """Read ``Kind/name``, or a bare name where only one kind is possible; None where it is neither."""
    if "/" not in text and len(kinds) == 1 and text:
        return Key(kinds[0], text)
    try:
        return Key.parse(text)
    except ValueError:
        return None


def values_at(spec: Any, path: str) -> Iterator[tuple[PathParts, Any]]:
    """All values at a dotted path, in which ``*`` stands for every item of a list or map; with their exact paths."""
    places: list[tuple[PathParts, Any]] = [((), spec)]
    for part in path.split("."):
        below: list[tuple[PathParts, Any]] = []
        for at, value in places:
            if part == "*":
                items = (
                    value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
                )
                below += [((*at, key), item) for key, item in items]
            elif isinstance(value, dict) and part in value:
                below.append(((*at, part), value[part]))
        places = below
    yield from places


class References:
    """Finds the edges of each manifest and reports those that lead nowhere.

    ``elsewhere`` are keys that exist in the project and not for this target; ``broken`` those whose manifests have an
    invalid envelope, so that nothing more is said about a reference to them.
    """

    def __init__(
        self, manifests: Mapping[Key, Manifest], elsewhere: Set[Key], broken: Set[Key], findings: Findings
    ) -> None:
        self._manifests = manifests
        self._elsewhere = elsewhere
        self._broken = broken
        self._findings = findings

    def connect(self, manifest: Manifest) -> None:
        """Fill in a manifest's ``edges``."""
        kind, spec = manifest.kind, manifest.spec
        for reference in kind.references:
            for path, value in values_at(spec, reference.spec_field):
                if isinstance(value, str) and not isinstance(value, Unread):
                    self._link(manifest, value, reference.kinds, path)
        for rule in kind.fragments:
            listed = spec.get(rule.spec_field)
            for index, value in enumerate(listed if isinstance(listed, list) else ()):
                if isinstance(value, str) and not isinstance(value, Unread):
                    self._link(manifest, value, (rule.kind,), (rule.spec_field, index))
        if manifest.refers:
            for path, unknown in _unknowns(spec, ()):
                self._live_field(manifest, unknown, path)

    def _link(self, manifest: Manifest, text: str, kinds: tuple[str, ...], path: PathParts) -> None:
        key = parse_reference(text, kinds)
        if key is None:
            names = " or ".join(f"{kind}/…" for kind in kinds)
            self._add(manifest, rules.BAD_REFERENCE, f'"{text[:80]}" is no reference', path, f"write {names}")
        elif key.kind not in kinds:
            expected = " or ".join(kinds)
            manifest.misfits.add(str(key))
            guess = next((kind for kind in kinds if Key(kind, key.name) in self._manifests), "")
            fix = f"did you mean `{guess}/{key.name}`?" if guess else nearest_kind(key.kind, kinds)
            self._add(manifest, rules.WRONG_KIND, f"{key} is no {expected}", path, fix)
        else:
            self._edge(manifest, key, path)

    def _live_field(self, manifest: Manifest, unknown: Unknown, path: PathParts) -> None:
        key = Key(unknown.kind, unknown.name)
        if not self._edge(manifest, key, path):
            return
        kind = self._manifests[key].kind
        if kind.kind_class != "resource":
            message = f"{key} does not live in the tenant and has no live fields"
            self._add(manifest, rules.WRONG_KIND, message, path, "refer to a resource")
        elif unknown.field not in kind.referable:
            fix = did_you_mean(unknown.field, kind.referable, what="referable fields")
            self._add(
                manifest, rules.NOT_REFERABLE, f"`{unknown.field}` of a {kind.name} cannot be referred to", path, fix
            )

    def _edge(self, manifest: Manifest, key: Key, path: PathParts) -> bool:
        if key in self._manifests:
            manifest.edges.setdefault(key, path)
            return True
        if key in self._broken:
            return False
        if key in self._elsewhere:
            message = f"{key} does not exist for this target"
            self._add(manifest, rules.NO_SUCH_MANIFEST, message, path, "extend its metadata.targets")
            return False
        fix = did_you_mean(key, (str(known) for known in self._manifests))
        self._add(
            manifest, rules.NO_SUCH_MANIFEST, f"there is no {key}", path, fix or "declare it, or correct the name"
        )
        return False

    def _add(self, manifest: Manifest, rule: Rule, message: str, path: PathParts, fix: str) -> None:
        self._findings.add(rule, message, manifest.source, ("spec", *path), fix=fix)


def nearest_kind(word: str, kinds: tuple[str, ...]) -> str:
    """The fix for a reference to another kind than the field takes."""
    guess = nearest(word, kinds)
    return f"did you mean `{guess}/…`?" if guess else f"refer to a {' or a '.join(kinds)}"


def _unknowns(value: Any, path: PathParts) -> Iterator[tuple[PathParts, Unknown]]:
    if isinstance(value, Unknown):
        yield path, value
    elif isinstance(value, Template):
        yield from ((path, part) for part in value.parts if isinstance(part, Unknown))
    else:
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            yield from _unknowns(item, (*path, key))
