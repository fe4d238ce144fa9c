"""JSON Schemas of whole manifests, one a kind, and the union by ``kind`` for editors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from reconciler.core.kind import Kind, SecretMap
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.kinds.schema.plain import Schema, model_schema, resolve, spec_schema

API_VERSION = "cxone.reconciler/v1"
DIALECT = "https://json-schema.org/draft/2020-12/schema"

_EXPRESSION: Schema = {
    "type": "string",
    "pattern": r"^\$\{(var|env|file|ref|secret):[^}]+\}$",
    "description": "An expression that stands for the whole value: ${var:NAME}, ${env:NAME} and so on.",
}
_SECRET: Schema = {
    "type": "string",
    "pattern": r"^\$\{(secret|env|file):[^}]+\}$",
    "description": "A secret, always written as a reference: ${secret:PROVIDER:PATH#KEY}, ${env:NAME} or ${file:PATH}.",
}
_ANNOTATIONS = ("description", "default", "examples")
_DATA_KEYS = frozenset({"examples", "default", "const", "enum", "propertyNames"})


def manifest_schema(kind: Kind) -> Schema:
    """The JSON Schema of a kind's manifests; ``$id`` is relative, so that the files can lie anywhere together.

    Expressions may stand wherever they are resolved, which is inside ``spec``; in secret fields nothing else may.
    """
    spec = spec_schema(kind)
    for rule in kind.secret_maps:
        _close_secret_map(spec, rule)
    for path in kind.secret_fields:
        _put(spec, path, {"$ref": "#/$defs/Secret"})
    for path in kind.json_files:
        _allow_file(spec, path)
    metadata = model_schema(METADATA_MODEL)
    definitions = {
        "Expression": _EXPRESSION,
        "Secret": _SECRET,
        **metadata.pop("$defs", {}),
        **{name: _expressive(item) for name, item in spec.pop("$defs", {}).items()},
    }
    return {
        "$schema": DIALECT,
        "$id": f"{kind.name}.json",
        "title": kind.name,
        "description": kind.summary,
        "type": "object",
        "properties": {
            "apiVersion": {"const": API_VERSION, "description": "The version of the manifest's form."},
            "kind": {"const": kind.name, "description": kind.summary},
            "metadata": metadata,
            "spec": _expressive(spec),
        },
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def union_schema(kinds: Iterable[Kind]) -> Schema:
    """A schema for manifests of any kind, which picks the kind's own by the value of ``kind``."""
    names = sorted(kind.name for kind in kinds)
    return {
        "$schema": DIALECT,
        "$id": "all.json",
        "title": "Manifest",
        "description": "A manifest of any kind.",
        "type": "object",
        "properties": {"apiVersion": {"const": API_VERSION}, "kind": {"enum": names}},
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "allOf": [
            {
                "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                "then": {"$ref": f"{name}.json"},
            }
            for name in names
        ],
    }


def _expressive(node: Any) -> Any:
    """Let an expression stand in place of every scalar that is more than any text; other text may hold one anyway."""
    if isinstance(node, list):
        return [_expressive(item) for item in node]
    if not isinstance(node, dict):
        return node
    if "properties" in node and "additionalProperties" not in node:
        return node  # a JSON Schema's own shape, as in an action's inputs: that is data, and no expression stands there
    if _is_narrow(node):
        bare = {key: value for key, value in node.items() if key not in _ANNOTATIONS}
        notes = {key: value for key, value in node.items() if key in _ANNOTATIONS}
        return {**notes, "anyOf": [bare, {"$ref": "#/$defs/Expression"}]}
    out = {
        key: value if key in _DATA_KEYS else _expressive(value) for key, value in node.items() if key != "properties"
    }
    if "properties" in node:
        out["properties"] = {name: _expressive(item) for name, item in node["properties"].items()}
    return out


def _is_narrow(node: Schema) -> bool:
    kind = node.get("type")
    if kind in ("integer", "number", "boolean"):
        return True
    return kind == "string" and any(key in node for key in ("enum", "const", "pattern"))


def _at(root: Schema, path: str) -> tuple[Schema, str]:
    """The properties that hold the last part of a dotted path, and that part; raises `KeyError` for an unknown path."""
    *parents, last = path.split(".")
    node = root
    for part in parents:
        node = resolve(node["properties"][part], root)
    properties: Schema = node["properties"]
    if last not in properties:
        raise KeyError(path)
    return properties, last


def _put(root: Schema, path: str, schema: Schema) -> None:
    properties, last = _at(root, path)
    notes = {key: value for key, value in properties[last].items() if key in _ANNOTATIONS}
    properties[last] = {**notes, **schema}


def _close_secret_map(root: Schema, rule: SecretMap) -> None:
    """Say which keys of a map are plain; all others hold secrets. Where the value's type decides, any text may stand."""
    if rule.plain is None:
        return
    properties, last = _at(root, rule.path)
    node = properties[last]
    node["properties"] = {name: {"type": "string"} for name in sorted(rule.plain)}
    node["additionalProperties"] = {"$ref": "#/$defs/Secret"}


def _allow_file(root: Schema, path: str) -> None:
    properties, last = _at(root, path)
    node = properties[last]
    notes = {key: value for key, value in node.items() if key in _ANNOTATIONS}
    bare = {key: value for key, value in node.items() if key not in _ANNOTATIONS}
    file = {"type": "string", "minLength": 1, "description": "The path of a JSON file in the project."}
    properties[last] = {**notes, "anyOf": [file, bare]}
