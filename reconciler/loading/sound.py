"""Which manifests can be relied on although others of the project have errors."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import replace

from reconciler.core.resource import Key
from reconciler.loading.findings import Findings
from reconciler.loading.manifest import Bound, Manifest


def sound_part(bound: Bound, manifests: Mapping[Key, Manifest], broken: Set[Key], findings: Findings) -> Bound:
    """What is left of a result with errors when everything that has a part in one is taken out."""
    wrong = _unsound(manifests, broken, findings)
    return replace(
        bound,
        desired=tuple(item for item in bound.desired if item.key not in wrong),
        fragments=tuple(item for item in bound.fragments if item.key not in wrong),
        jobs=tuple(item for item in bound.jobs if item.key not in wrong),
        edges={key: others for key, others in bound.edges.items() if key not in wrong},
        unsound=wrong,
    )


def _unsound(manifests: Mapping[Key, Manifest], broken: Set[Key], findings: Findings) -> frozenset[Key]:
    """The keys of which nothing may be said: their manifests have errors, or take parts from some that have.

    ``broken`` are those whose envelope is wrong already. A file that could not be read whole counts against all that it holds.
    """
    files, sources = findings.blamed
    found = set(broken)
    for key, manifest in manifests.items():
        judged = manifest.model is not None and manifest.partial is None
        if id(manifest.source) in sources or manifest.source.file in files or not (judged or manifest.approved):
            found.add(key)
    for key, manifest in manifests.items():
        parts = {rule.kind for rule in manifest.kind.fragments}
        if any(other in found for other in manifest.edges if other.kind in parts):
            found.add(key)
    return frozenset(found)
