"""The JSON Schema of a pydantic model as manifests see it: without pydantic's titles and null defaults."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from reconciler.core.kind import Kind

Schema = dict[str, Any]

_LITERAL_KEYS = frozenset({"examples", "default", "const", "enum"})
"""Keywords whose values are data, in which no schema is looked for."""


class _InOrder(GenerateJsonSchema):
    """Keeps fields and examples in the order in which they are written down."""

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:  # noqa: ARG002
        """Sort nothing."""
        return value


def model_schema(model: type[BaseModel]) -> Schema:
    """The JSON Schema of a model, with ``$defs``."""
    schema: Schema = _tidy(model.model_json_schema(schema_generator=_InOrder))
    return schema


def spec_schema(kind: Kind) -> Schema:
    """The JSON Schema of a kind's spec, with the defaults that the server fills in."""
    schema = model_schema(kind.spec)
    for path, value in kind.defaults.items():
        node: Any = schema
        for part in path.split("."):
            node = resolve(node, schema).get("properties", {}).get(part)
            if node is None:
                break
        if node is not None:
            node["default"] = value
    return schema


def resolve(node: Schema, root: Schema) -> Schema:
    """Follow a ``$ref`` into ``$defs`` and leave out the null of an optional value; other schemas are returned as they are."""
    options = [option for option in node.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) == 1:
        node = options[0]
    reference = node.get("$ref", "")
    if reference.startswith("#/$defs/"):
        found: Schema = root["$defs"][reference.removeprefix("#/$defs/")]
        return found
    return node


def _tidy(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidy(item) for item in node]
    if not isinstance(node, dict):
        return node
    out: Schema = {}
    for key, value in node.items():
        if key == "title" and isinstance(value, str):
            continue
        if key == "default" and value is None:
            continue
        if key == "properties" and isinstance(value, dict):
            out[key] = {name: _tidy(item) for name, item in value.items()}
        else:
            out[key] = value if key in _LITERAL_KEYS else _tidy(value)
    if "patternProperties" in out:
        out.setdefault("additionalProperties", False)
    return out
