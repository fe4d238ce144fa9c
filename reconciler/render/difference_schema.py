"""The JSON Schema (2020-12) of a difference: what ``diff --format json`` prints."""

from __future__ import annotations

from typing import Any, get_args

from reconciler.core.difference import Status
from reconciler.core.kind import KindClass

Schema = dict[str, Any]


def difference_schema(dialect: str) -> Schema:
    """The schema of a difference. Every object is closed, so that a field added to one and not here fails a test."""
    schema = _closed(
        {
            "format_version": {"type": "string", "pattern": r"^1\.[0-9]+$", "description": "Major and minor version."},
            "summary": _text("The account in one line."),
            "before": {"$ref": "#/$defs/side"},
            "after": {"$ref": "#/$defs/side"},
            "target": _text("The target that manifests were bound for."),
            "narrowed": _list(_text("A path or an option."), "What the comparison was limited to; empty: nothing."),
            "unchanged": {"type": "integer", "minimum": 0, "description": "Manifests that both sides state alike."},
            "items": _list({"$ref": "#/$defs/item"}, "What differs, by key."),
            "settings": _list({"$ref": "#/$defs/field"}, "What differs in the project file and the files of guards."),
            "leftOut": _list(_text("Kind/name."), "Keys that could not be compared; the warnings say why."),
            "warnings": _list(_text("A sentence."), "What else to know."),
        }
    )
    notes = {"$schema": dialect, "$id": "diff.json", "title": "Difference"}
    return {**notes, **schema, "$defs": {"side": _SIDE, "item": _ITEM, "field": _FIELD}}


def _closed(properties: Schema) -> Schema:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _text(description: str) -> Schema:
    return {"type": "string", "description": description}


def _list(items: Schema, description: str) -> Schema:
    return {"type": "array", "items": items, "description": description}


_VALUE: Schema = {
    "description": "A JSON value. An object with the single key @reconciler is a typed one: a secret by its reference, a code "
    "bundle by its SHA-256, a reference, or nothing at all (absent)."
}
_KEY: Schema = {"type": "string", "pattern": "^[^/]+/[^/]+$", "description": "Kind/name."}
_SIDE = _closed(
    {
        "label": _text("A revision as it was named, `work tree`, or a target."),
        "detail": _text("The commit or the address; empty where there is none."),
    }
)
_FIELD = _closed(
    {
        "label": _text("The path as people write it."),
        "path": _list({"type": "string"}, "Names of fields, and keys of items."),
        "keyed": {"type": "integer", "minimum": -1, "description": "Index in path of an item's key; -1: none."},
        "before": _VALUE,
        "after": _VALUE,
    }
)
_ITEM = _closed(
    {
        "key": _KEY,
        "class": {"enum": list(get_args(KindClass))},
        "status": {"enum": list(get_args(Status))},
        "name": _text("The live name; empty for what does not live in a tenant."),
        "movedFrom": {"anyOf": [_KEY, {"type": "null"}]},
        "source": {
            "anyOf": [{"type": "string", "pattern": r"^[\s\S]*:[0-9]+:[0-9]+$"}, {"type": "null"}],
            "description": "file:line:column",
        },
        "fields": _list({"$ref": "#/$defs/field"}, "What differs, by path."),
        "settings": _list(
            {"$ref": "#/$defs/field"}, "What differs and never reaches the tenant: labels, lifecycle, tests."
        ),
        "effects": _list(
            _closed(
                {
                    "effect": {"enum": ["compatible", "breaking"]},
                    "column": _text("The column's name."),
                    "message": _text("What changes."),
                }
            ),
            "What the change means for records that are there already.",
        ),
        "bundleFiles": _list(
            {
                "type": "array",
                "prefixItems": [{"type": "string"}, {"enum": ["added", "changed", "removed"]}],
                "items": False,
                "minItems": 2,
            },
            "Files of the code bundle that differ.",
        ),
        "touches": _list(_KEY, "What refers to it, directly or through others: resources, mappings, jobs, sinks."),
        "touchesMore": {"type": "boolean", "description": "Whether there are more of these than are listed."},
    }
)
