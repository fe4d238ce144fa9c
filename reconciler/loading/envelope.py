"""Checks what surrounds a spec: apiVersion, kind and metadata, and that every manifest is there once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError

from reconciler.core.diagnostic import Rule
from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Key
from reconciler.loading import rules
from reconciler.loading.field_errors import FieldErrors, describe
from reconciler.loading.findings import Findings
from reconciler.loading.located import Located
from reconciler.loading.manifest import Manifest
from reconciler.loading.suggest import did_you_mean, surely

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

    def open(self, source: Located, *, expressive: bool, approved: bool = False) -> Manifest | None:
        """Check one document's envelope; None where nothing can be said of its spec.

        ``expressive`` is whether any ``${`` stands in it, ``approved`` whether it was found good before. What is wrong with apiVersion, metadata or the spelling of the kind
        is reported, and the manifest comes back all the same, so that its spec is checked in the same round.
        """
        value = source.value
        if approved:
            key = Key(value["kind"], value["metadata"]["name"])
            manifest = Manifest(source, key, self._kinds[key.kind], value["metadata"], value["spec"], expressive)
            return manifest if self._once(manifest) else None
        if not isinstance(value, dict):
            self._add(rules.NOT_A_MANIFEST, f"a manifest is a map, this is {describe(value, hidden=True)}", source)
            return None
        if self._keys(source, value) or "apiVersion" in value:
            self._version(source, value)
        kind = self._kind(source, value) if "kind" in value else None
        metadata: Any = value.get("metadata")
        if "metadata" not in value or not self._metadata(source, metadata, expressive=expressive):
            metadata = _salvaged(metadata)
        spec = value.get("spec")
        if "spec" in value and not isinstance(spec, dict):
            message = f"expected a map, found {describe(spec, hidden=True)}"
            self._add(rules.WRONG_TYPE, message, source, "spec", fix="write spec: {} where nothing is declared")
        if kind is None or not isinstance(spec, dict):
            return None
        # Without a name the place stands for one: nothing can refer to it.
        name = metadata.get("name") or f"{source.file}#{source.index}"
        manifest = Manifest(source, Key(kind.name, name), kind, metadata, spec, expressive)
        return manifest if self._once(manifest) else None

    def _kind(self, source: Located, value: Mapping[str, Any]) -> Kind | None:
        """The kind that a document names, or the one that it surely means."""
        name = value["kind"]
        if isinstance(name, str) and name in self._kinds:
            return self._kinds[name]
        word = name if isinstance(name, str) else ""
        fix = did_you_mean(word, self._kinds, what="kinds")
        self._add(rules.UNKNOWN_KIND, f"{describe(name)} is no kind", source, "kind", fix=fix)
        meant = surely(word, self._kinds)
        return self._kinds[meant] if meant else None

    def _keys(self, source: Located, value: Mapping[str, Any]) -> bool:
        if value.keys() == _KEYS:
            return True
        missing = sorted(_KEYS - value.keys())
        for key in value:
            if key not in _KEYS:
                fix = did_you_mean(key, missing) or "a manifest has apiVersion, kind, metadata and spec"
                self._findings.add(rules.UNKNOWN_KEY, f"unknown key `{key}`", source, (key,), key=True, fix=fix)
        for key in missing:
            fix = f"add {key}: {API_VERSION}" if key == "apiVersion" else f"add {key}:"
            self._findings.add(rules.NOT_A_MANIFEST, f"`{key}` is missing", source, fix=fix, shown=(key,))
        return False

    def _version(self, source: Located, value: Mapping[str, Any]) -> None:
        if value["apiVersion"] != API_VERSION:
            message = f"{describe(value['apiVersion'])} is not an apiVersion of this tool"
            self._add(rules.API_VERSION, message, source, "apiVersion", fix=f"write {API_VERSION}")

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


def _salvaged(metadata: Any) -> dict[str, Any]:
    """What binding a spec takes of metadata that are not valid: the name, and the targets."""
    if not isinstance(metadata, dict):
        return {}
    name, targets = metadata.get("name"), metadata.get("targets")
    kept: dict[str, Any] = {"name": name} if isinstance(name, str) else {}
    if isinstance(targets, list):
        kept["targets"] = [target for target in targets if isinstance(target, str)]
    return kept
