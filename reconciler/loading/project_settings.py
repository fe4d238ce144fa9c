"""What a project file says, as a plain tree to compare: only what is written there, and no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, Final

from reconciler.core.values import MASKED, Secret, Tree
from reconciler.loading.expressions import Expression, MalformedExpression, split
from reconciler.loading.project import PROJECT_FILE
from reconciler.loading.yaml import parse_text

_SECRET_KEYS: Final = frozenset({"clientSecret", "accessKeySecret"})
_USER_IN_URL: Final = re.compile(r"(?<=://)[^/?#\s@]+@")


def project_settings(content: bytes, beside: Iterable[tuple[str, bytes]] = ()) -> Tree:
    """The spec of a project file, and the project's name; empty where it is no project file at all.

    ``beside`` are the files of guards by name, whose content stands below ``files``.
    """
    value = next(iter(_maps(content, PROJECT_FILE)), {})
    spec, metadata = value.get("spec"), value.get("metadata")
    tree: Tree = {"name": metadata["name"]} if isinstance(metadata, dict) and "name" in metadata else {}
    if isinstance(spec, dict):
        tree |= _safe(spec)
    files = {name: [_safe(item.get("spec")) for item in _maps(text, name)] for name, text in beside}
    single = {name: specs[0] if len(specs) == 1 else specs for name, specs in files.items()}
    return {**tree, "files": single} if single else tree


def _maps(content: bytes, name: str) -> list[Tree]:
    documents, _ = parse_text(content, name)
    return [document.value for document in documents if isinstance(document.value, dict)]


def _safe(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _secret(item) if key in _SECRET_KEYS else _safe(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_safe(item) for item in value]
    return _USER_IN_URL.sub("…@", value) if isinstance(value, str) else value


def _secret(value: Any) -> Any:
    """A secret as what it refers to; one that is written out stays hidden."""
    try:
        (part,) = split(value) if isinstance(value, str) else ("",)
    except (MalformedExpression, ValueError):
        return MASKED
    if not isinstance(part, Expression):
        return MASKED
    return Secret(part.body if part.scheme == "secret" else f"{part.scheme}:{part.body}")
