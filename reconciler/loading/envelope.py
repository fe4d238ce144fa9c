"""Checks what surrounds a spec: apiVersion, kind and metadata, and that every manifest is there once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from reconciler.core.diagnostic import Rule
from reconciler.core.kind import Kinds
from reconciler.core.resource import Key
from reconciler.loading import rules
from reconciler.loading.field_errors import FieldErrors, describe
from reconciler.loading.findings import Findings
from reconciler.loading.located import Located
from reconciler.loading.manifest import Manifest
from reconciler.loading.suggest import did_you_mean

API_VERSION: Final = "cxone.reconciler/v1"
_KEYS: Final = frozenset({"apiVersion", "kind", "metadata", "spec"})


def raw_key(value: Any) -> Key | None:
    """The key that an unchecked document claims to have; None where it claims none."""
    if not isinstance(value, dict):
        return None
    kind, metadata = value.get("kind"), value.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    return Key(kind, name) if isinstance(kind, str) and isinstance(name, str) else None


class Envelope:
    """Checks documents one by one and remembers the keys that it has seen."""

    def __init__(self, kinds: Kinds, metadata_model: type[Any], targets: Iterable[str], findings: Findings) -> None:
        self._kinds = kinds
        self._metadata_model = metadata_model
        self._targets = frozenset(targets)
        self._findings = findings
        self.seen: dict[Key, Located] = {}

    def open(self, source: Located, *, expressive: bool) -> Manifest | None:
        """Check one document's envelope; None where it is wrong, which has then been reported.

        ``expressive`` is whether any ``${`` stands in it.
        """
        value = source.value
        if not isinstance(value, dict):
            self._add(rules.NOT_A_MANIFEST, f"a manifest is a map, this is {describe(value)}", source)
            return None
        well_formed = self._keys(source, value) and self._version(source, value)
        kind = self._kinds.get(name) if isinstance(name := value.get("kind"), str) else None
        if kind is None and "kind" in value:
            fix = did_you_mean(name if isinstance(name, str) else "", self._kinds, what="kinds")
            self._add(rules.UNKNOWN_KIND, f"{describe(name)} is no kind", source, "kind", fix=fix)
        metadata_ok = "metadata" in value and self._metadata(source, value["metadata"], expressive=expressive)
        spec = value.get("spec")
        if "spec" in value and not isinstance(spec, dict):
            message = f"expected a map, found {describe(spec, hidden=True)}"
            self._add(rules.WRONG_TYPE, message, source, "spec", fix="write spec: {} where nothing is declared")
        if kind is None or not metadata_ok or not isinstance(spec, dict):
            return None
        manifest = Manifest(
            source, Key(kind.name, value["metadata"]["name"]), kind, value["metadata"], spec, expressive
        )
        return manifest if self._once(manifest) and well_formed else None

    def _keys(self, source: Located, value: Mapping[str, Any]) -> bool:
        if value.keys() == _KEYS:
            return True
        for key in value:
            if key not in _KEYS:
                fix = did_you_mean(key, _KEYS - value.keys()) or "a manifest has apiVersion, kind, metadata and spec"
                self._findings.add(rules.UNKNOWN_KEY, f"unknown key `{key}`", source, (key,), key=True, fix=fix)
        for key in sorted(_KEYS - value.keys()):
            fix = f"add {key}: {API_VERSION}" if key == "apiVersion" else f"add {key}:"
            self._findings.add(rules.NOT_A_MANIFEST, f"`{key}` is missing", source, fix=fix, shown=(key,))
        return False

    def _version(self, source: Located, value: Mapping[str, Any]) -> bool:
        if value.get("apiVersion") == API_VERSION:
            return True
        message = f"{describe(value.get('apiVersion'))} is not an apiVersion of this tool"
        self._add(rules.API_VERSION, message, source, "apiVersion", fix=f"write {API_VERSION}")
        return False

    def _metadata(self, source: Located, metadata: Any, *, expressive: bool) -> bool:
        try:
            self._metadata_model.model_validate(metadata)
        except ValidationError as error:
            reporter = FieldErrors(
                self._findings, source, self._metadata_model, metadata, ("metadata",), rule=rules.METADATA
            )
            reporter.report(error.errors(include_url=False))
            return False
        if expressive:
            self._no_expressions(source, metadata, ("metadata",))
        for index, target in enumerate(metadata.get("targets") or ()):
            if target not in self._targets:
                fix = did_you_mean(target, self._targets, what="targets")
                message = f"there is no target `{target}`"
                self._findings.add(rules.UNKNOWN_TARGET, message, source, ("metadata", "targets", index), fix=fix)
        return True

    def _no_expressions(self, source: Located, value: Any, path: tuple[str | int, ...]) -> None:
        if isinstance(value, str) and "${" in value:
            self._findings.add(
                rules.NO_EXPRESSIONS,
                "expressions are not resolved in metadata",
                source,
                path,
                fix="write the value itself",
            )
        items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        for key, item in items:
            self._no_expressions(source, item, (*path, key))

    def _once(self, manifest: Manifest) -> bool:
        first = self.seen.setdefault(manifest.key, manifest.source)
        if first is manifest.source:
            return True
        place = first.mark(("metadata", "name"))
        self._findings.add(
            rules.DUPLICATE_KEY,
            f"{manifest.key} is declared twice, first at {place}",
            manifest.source,
            ("metadata", "name"),
            fix="rename one of them, or delete it",
            related=(("first declared here", place),),
        )
        return False

    def _add(self, rule: Rule, message: str, source: Located, key: str | None = None, fix: str = "") -> None:
        self._findings.add(rule, message, source, () if key is None else (key,), fix=fix)
