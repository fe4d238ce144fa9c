"""Turns a valid spec into the wire form that the rest of the tool compares and sends, by the kind's data alone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from reconciler.core.kind import SchemaField
from reconciler.core.normalise import normalise
from reconciler.core.partial import Unvalidated
from reconciler.core.resource import Key
from reconciler.core.values import Bundle, Tree, Unknown
from reconciler.loading.bundle import Built, build_bundle
from reconciler.loading.findings import Findings
from reconciler.loading.inside import Reach
from reconciler.loading.leaves import Unread, stood_in
from reconciler.loading.manifest import Manifest
from reconciler.loading.references import parse_reference


class WireForms:
    """Builds wire forms; code folders that several manifests share are read once."""

    def __init__(self, reach: Reach, manifests: Mapping[Key, Manifest], findings: Findings) -> None:
        self._reach = reach
        self._manifests = manifests
        self._findings = findings
        self._built: dict[tuple[str, tuple[str, ...]], Built] = {}

    def build(self, manifest: Manifest) -> Tree:
        """The wire form of one resource, normalised; trouble with its code is reported."""
        kind, spec = manifest.kind, manifest.spec
        tree: Tree = {"name": manifest.key.name}
        tree.update(spec)
        for name in kind.spec_only:
            tree.pop(name, None)
        for reference in kind.references:
            value = tree.pop(reference.spec_field, None)
            key = parse_reference(value, reference.kinds) if isinstance(value, str) else None
            if key is not None and reference.wire_field:
                tree[reference.wire_field] = Unknown(key.kind, key.name, reference.target_field)
        for rule in kind.fragments:
            names = tree.pop(rule.spec_field, None)
            if names:
                tree[rule.wire_field] = [
                    *(tree.get(rule.wire_field) or ()),
                    *self._items(names, rule.kind, rule.source_field),
                ]
        if kind.table is not None and kind.table.primary_key:
            _close_primary_key(tree, kind.table)
        if kind.bundle is not None and isinstance(code := tree.get(kind.bundle.field), dict):
            tree[kind.bundle.field] = self._bundle(manifest, kind.bundle.field, code)
        return normalise(kind, tree)

    def check_bundle(self, manifest: Manifest) -> None:
        """Report trouble with the code of a manifest that is valid in part, where the part about its code is."""
        rule = manifest.kind.bundle
        if rule is None or manifest.partial is None:
            return
        with suppress(Unvalidated):
            code = getattr(manifest.partial, rule.field)
            if code.path and not any(stood_in(manifest.spec, (rule.field, part)) for part in ("path", "exclude")):
                self._bundle(manifest, rule.field, {"path": code.path, "exclude": [str(item) for item in code.exclude]})

    def _items(self, names: list[str], kind: str, field: str) -> list[Any]:
        items: list[Any] = []
        for name in names:
            key = parse_reference(name, (kind,)) if isinstance(name, str) else None
            fragment = self._manifests.get(key) if key is not None else None
            found = fragment.spec.get(field) if fragment is not None else None
            items += found if isinstance(found, list) else ()
        return items

    def _bundle(self, manifest: Manifest, field: str, code: Mapping[str, Any]) -> Any:
        if not code.get("path"):
            # What is known by its digest alone can be compared, and has nothing to send (`details.without_content`).
            return Bundle(str(code.get("sha256", "")))
        if isinstance(code["path"], Unread):
            return dict(code)
        exclude = tuple(code.get("exclude") or ())
        place = (str(code["path"]), exclude)
        if place not in self._built:
            self._built[place] = build_bundle(self._reach, *place)
        built = self._built[place]
        for problem in built.problems:
            path = ("spec", field, "path")
            self._findings.add(problem.rule, problem.message, manifest.source, path, fix=problem.fix)
        return built.bundle


def _close_primary_key(tree: Tree, table: SchemaField) -> None:
    """Spell out that the primary key is never null, which is its default unlike any other column's."""
    columns, key = tree.get(table.columns), tree.get(table.primary_key)
    if isinstance(columns, dict) and key in columns:
        column = columns[key]
        long_form = {"type": column} if isinstance(column, str) else column
        if isinstance(long_form, dict):
            tree[table.columns] = {**columns, key: {"nullable": False, **long_form}}
