"""The places of manifests that were not bound in this run: their files are read again when a place is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from reconciler.core.diagnostic import Mark, PathParts
from reconciler.core.kind import Kinds
from reconciler.core.resource import Key
from reconciler.loading.content import content_of
from reconciler.loading.envelope import Envelope
from reconciler.loading.findings import Findings
from reconciler.loading.inside import inside
from reconciler.loading.json_files import read_json_files
from reconciler.loading.located import Located
from reconciler.loading.locating import Locator
from reconciler.loading.manifest import Manifest
from reconciler.loading.patches import Patches
from reconciler.loading.project import Project, Target
from reconciler.loading.variables import Resolver, Scope

Read = Callable[[str], Iterable[Located]]
"""Gives the documents of a file, named relative to the project."""


class Places:
    """Finds the source of a value by key and wire path, as binding's `Locator` does.

    ``files`` says where manifests stand, ``edges`` what they refer to: items of a list may come from fragments in other files.
    """

    def __init__(
        self,
        project: Project,
        target: Target,
        kinds: Kinds,
        metadata_model: type[Any],
        environ: Mapping[str, str],
        *,
        files: Mapping[Key, str],
        edges: Mapping[Key, tuple[Key, ...]],
        read: Read,
    ) -> None:
        self._findings = Findings()
        self._scope = Scope(partial(inside, project.root), target.variables, environ, target.name)
        self._patches = Patches.load(target, self._scope.reach, self._findings)
        self._kinds = kinds
        self._metadata_model = metadata_model
        self._targets = project.targets
        self._target = target.name
        self._files = files
        self._edges = edges
        self._read = read
        self._opened: set[str] = set()
        self._manifests: dict[Key, Manifest] = {}

    def __call__(self, key: Key, path: PathParts) -> Mark | None:
        """The place; None where the manifest is not there any more."""
        for other in (key, *self._edges.get(key, ())):
            file = self._files.get(other, "")
            if file and file not in self._opened:
                self._open(file)
        manifest = self._manifests.get(key)
        return None if manifest is None else Locator(manifest, self._manifests)(path)

    def _open(self, file: str) -> None:
        self._opened.add(file)
        envelope = Envelope(self._kinds, self._metadata_model, self._targets, self._findings)
        for document in self._read(file):
            if document.value is None:
                continue
            patched = self._patches.apply(document)
            manifest = envelope.open(patched, expressive=b"${" in content_of(patched.value))
            if manifest is None or self._target not in (manifest.metadata.get("targets") or (self._target,)):
                continue
            if manifest.expressive:
                resolver = Resolver(self._scope, self._findings, manifest.source, manifest.kind)
                manifest.spec = resolver.resolve(manifest.spec)
            if manifest.kind.json_files:
                read_json_files(manifest, self._scope.reach, self._findings)
            self._manifests[manifest.key] = manifest
