"""Reads fields that may name a JSON file instead of holding its content, such as a sink's event schema."""

from __future__ import annotations

import json
from typing import Any

from reconciler.core.diagnostic import PathParts
from reconciler.loading import rules
from reconciler.loading.findings import Findings
from reconciler.loading.inside import NotUsable, Reach, read_text
from reconciler.loading.leaves import BROKEN, Unread
from reconciler.loading.manifest import Manifest
from reconciler.loading.references import values_at


def read_json_files(manifest: Manifest, reach: Reach, findings: Findings) -> None:
    """Put the content of each file in place of its path; the document that the spec came from stays as it was."""
    for field in manifest.kind.json_files:
        for path, value in list(values_at(manifest.spec, field)):
            if isinstance(value, str) and not isinstance(value, Unread):
                manifest.spec = _with(manifest.spec, path, _read(manifest, reach, path, value, findings))


def _read(manifest: Manifest, reach: Reach, path: PathParts, name: str, findings: Findings) -> Any:
    try:
        return json.loads(read_text(reach(name)))
    except NotUsable as error:
        message = f"JSON file {name[:200]} {error}"
    except ValueError as error:
        message = f"{name} is not JSON: {error}"
    except RecursionError:
        message = f"{name} is nested too deeply"
    findings.add(
        rules.FILE, message, manifest.source, ("spec", *path), fix="name a JSON file, or write its content here"
    )
    return BROKEN


def _with(tree: Any, path: PathParts, value: Any) -> Any:
    """A tree with another value at a path; what is not on the way is shared."""
    if not path:
        return value
    copy: Any = list(tree) if isinstance(tree, list) else dict(tree)
    copy[path[0]] = _with(copy[path[0]], path[1:], value)
    return copy
