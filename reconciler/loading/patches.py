"""A target's merge patches: what differs between tenants and variables cannot say."""

from __future__ import annotations

from collections.abc import Set
from typing import Any

from reconciler.core.diagnostic import Diagnostic
from reconciler.core.mergepatch import apply_patch
from reconciler.core.resource import Key
from reconciler.loading import rules
from reconciler.loading.envelope import raw_key
from reconciler.loading.findings import Findings
from reconciler.loading.inside import NotUsable, Reach, read_text
from reconciler.loading.located import Located, Patched
from reconciler.loading.project import PROJECT_FILE, Target
from reconciler.loading.suggest import did_you_mean, nearest

_KEYS = ("apiVersion", "kind", "metadata", "spec")


class Patches:
    """The patches of one target by the manifest that they are for, in the order of files and documents."""

    def __init__(self, findings: Findings) -> None:
        self._findings = findings
        self._by_key: dict[Key, list[Located]] = {}

    @classmethod
    def load(cls, target: Target, reach: Reach, findings: Findings) -> Patches:
        """Read the patch files that a target names; what is wrong with them is reported."""
        patches = cls(findings)
        for name in target.patches:
            try:
                text = read_text(reach(name))
            except NotUsable as error:
                message = f"patch file {name} of target {target.name} {error}"
                path = f"spec.targets.{target.name}.patches"
                findings.put(Diagnostic(rules.PATCH, message, path=path, fix=f"create it, or correct {PROJECT_FILE}"))
                continue
            from reconciler.loading.yaml import parse_text

            documents, diagnostics = parse_text(text, name)
            for diagnostic in diagnostics:
                findings.put(diagnostic)
            for document in documents:
                patches.add(document)
        return patches

    def add(self, document: Located) -> None:
        """Take in one patch document; it has kind, metadata.name, and what to change."""
        value = document.value
        if value is None:
            return
        metadata = value.get("metadata") if isinstance(value, dict) else None
        name = metadata.get("name") if isinstance(metadata, dict) else None
        kind = value.get("kind") if isinstance(value, dict) else None
        if not isinstance(kind, str) or not isinstance(name, str):
            message = "a patch names the manifest that it is for"
            self._findings.add(rules.PATCH, message, document, fix="write kind: and metadata: {name: …}")
            return
        for key in value:
            if key not in _KEYS:
                fix = did_you_mean(key, _KEYS) or "what a patch changes stands in metadata or spec"
                self._findings.add(rules.UNKNOWN_KEY, f"unknown key `{key}`", document, (key,), key=True, fix=fix)
        self._by_key.setdefault(Key(kind, name), []).append(document)

    def apply(self, document: Located) -> Located:
        """A document with the patches for its key applied (RFC 7396); the document itself where there are none."""
        key = raw_key(document.value) if self._by_key else None
        found = self._by_key.get(key) if key is not None else None
        if not found:
            return document
        value: Any = document.value
        for patch in found:
            value = apply_patch(value, {name: item for name, item in patch.value.items() if name in _KEYS})
        return Patched(document, tuple(found), value)

    def report_unused(self, declared: Set[Key], elsewhere: Set[Key]) -> None:
        """Report patches for manifests that do not exist, or not for this target."""
        for key, documents in self._by_key.items():
            if key in declared:
                continue
            fix = "extend the manifest's metadata.targets, or remove the patch"
            message = f"{key} does not exist for this target"
            if key not in elsewhere:
                message = f"there is no {key} to patch"
                guess = nearest(key, (str(item) for item in declared))
                fix = f"did you mean `{guess}`?" if guess else "correct kind and metadata.name, or remove the patch"
            for document in documents:
                self._findings.add(rules.PATCH, message, document, ("metadata", "name"), fix=fix)
