"""From the wire form of a resource back to its source: whom to point at when a plan shows a field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.resource import Key
from reconciler.loading.located import Located
from reconciler.loading.manifest import Manifest
from reconciler.loading.references import parse_reference


@dataclass(frozen=True, slots=True, eq=False)
class Locator:
    """Finds the place of a wire path in a manifest, or in the fragment that a list's item came from.

    It is a `Locate` that costs nothing until it is asked. Items of keyed lists may be named by their key.
    """

    manifest: Manifest
    manifests: Mapping[Key, Manifest]

    def __call__(self, path: PathParts) -> Mark | None:
        """The place of the value at a wire path, or of the nearest value around it."""
        source, inside = self.origin(path)
        return source.mark(inside)

    def origin(self, path: PathParts) -> tuple[Located, PathParts]:
        """The document that a wire path is declared in, and its path there; the nearest one around it for what is not."""
        manifest = self.manifest
        if not path:
            return manifest.source, ()
        head = path[0]
        if head == "name" and "name" not in manifest.spec:
            return manifest.source, ("metadata", "name")
        for reference in manifest.kind.references:
            if reference.wire_field == head:
                return manifest.source, ("spec", *reference.spec_field.split("."))
        for rule in manifest.kind.fragments:
            if rule.wire_field == head and len(path) > 1:
                return self._item(path, rule.spec_field, rule.kind, rule.source_field)
        return manifest.source, ("spec", *_indexed(manifest, str(head), manifest.spec, path))

    def _item(
        self, path: PathParts, spec_field: str, fragment_kind: str, source_field: str
    ) -> tuple[Located, PathParts]:
        """The place of an item of a list that fragments are appended to."""
        manifest, wanted = self.manifest, path[1]
        own = manifest.spec.get(str(path[0]))
        own = own if isinstance(own, list) else []
        index = _index(manifest, str(path[0]), own, wanted)
        if index is not None:
            return manifest.source, ("spec", path[0], index, *path[2:])
        passed = len(own)
        for name in manifest.spec.get(spec_field) or ():
            key = parse_reference(name, (fragment_kind,))
            fragment = self.manifests.get(key) if key is not None else None
            items = fragment.spec.get(source_field) if fragment is not None else None
            if fragment is None or not isinstance(items, list):
                continue
            sought = wanted - passed if isinstance(wanted, int) else wanted
            index = _index(manifest, str(path[0]), items, sought)
            if index is not None:
                return fragment.source, ("spec", source_field, index, *path[2:])
            passed += len(items)
        return manifest.source, ("spec", path[0])


def _indexed(manifest: Manifest, head: str, spec: Any, path: PathParts) -> PathParts:
    """A path in which items of a keyed list are named by index."""
    if len(path) < 2 or not isinstance(path[1], str) or not isinstance(items := spec.get(head), list):
        return path
    index = _index(manifest, head, items, path[1])
    return path[:1] if index is None else (head, index, *path[2:])


def _index(manifest: Manifest, head: str, items: list[Any], wanted: str | int) -> int | None:
    if isinstance(wanted, int):
        return wanted if 0 <= wanted < len(items) else None
    keys = manifest.kind.keyed_lists.get(head, ())
    for index, item in enumerate(items):
        if item == wanted or (isinstance(item, dict) and any(str(item.get(key)) == wanted for key in keys)):
            return index
    return None
