"""Every field of a kind with its type, default and description: what ``reconciler explain`` and the documentation show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.values import ABSENT
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.kinds.schema.plain import Schema, model_schema, resolve, spec_schema


@dataclass(frozen=True, slots=True)
class FieldDoc:
    """One field of a manifest.

    ``path`` starts below ``spec`` (or below ``metadata``); ``[]`` stands for any item of a list and ``*`` for any key of a
    map: ``mappings[].direction``, ``columns.*.type``. ``default`` and ``example`` may be `ABSENT`. ``form`` says in which of
    several forms of its parent the field exists (empty: there is one form only). ``schema`` is its JSON Schema.
    """

    path: str
    type: str
    required: bool
    description: str
    default: Any
    example: Any
    form: str
    schema: Schema

    @property
    def plain_path(self) -> str:
        """The path as people type it: ``mappings.direction``, ``columns.type``."""
        return self.path.replace("[]", "").replace(".*", "")

    @property
    def depth(self) -> int:
        """0 for a field directly below ``spec``."""
        return self.plain_path.count(".")


def fields_of(kind: Kind) -> list[FieldDoc]:
    """All fields of a kind's spec, parents before children, in the order of the model."""
    schema = spec_schema(kind)
    return list(_fields(schema, schema, "", ""))


def metadata_fields() -> list[FieldDoc]:
    """All fields of ``metadata``."""
    schema = model_schema(METADATA_MODEL)
    return list(_fields(schema, schema, "", ""))


def _fields(node: Schema, root: Schema, prefix: str, form: str) -> Iterator[FieldDoc]:
    required = node.get("required", ())
    for name, raw in node.get("properties", {}).items():
        inner = resolve(raw, root)
        path = f"{prefix}{name}"
        yield FieldDoc(
            path,
            type_of(raw, root),
            name in required,
            raw.get("description", inner.get("description", "")),
            raw.get("default", ABSENT),
            _example(raw, inner),
            form,
            raw,
        )
        yield from _children(raw, root, path, form)


def _example(raw: Schema, inner: Schema) -> Any:
    for node in (raw, inner):
        if node.get("examples"):
            return node["examples"][0]
    return ABSENT


def _children(raw: Schema, root: Schema, path: str, form: str) -> Iterator[FieldDoc]:
    node = resolve(raw, root)
    if node.get("type") == "array":
        yield from _children(node.get("items", {}), root, f"{path}[]", form)
    elif values := map_values(node):
        yield from _children(values, root, f"{path}.*", form)
    else:
        forms = object_forms(node, root)
        for option in forms:
            label = form_name(option) if len(forms) > 1 else form
            yield from _fields(option, root, f"{path}.", label)


def map_values(node: Schema) -> Schema:
    """The schema of a map's values; empty for what is no map."""
    extra = node.get("additionalProperties")
    if isinstance(extra, dict) and "properties" not in node:
        return extra
    patterns = list(node.get("patternProperties", {}).values())
    return patterns[0] if patterns else {}


def object_forms(node: Schema, root: Schema) -> list[Schema]:
    """The objects that a value may be: one for most, several for a union, none for scalars and free JSON."""
    options = [resolve(option, root) for option in node.get("anyOf", [node])]
    return [item for item in options if item.get("additionalProperties") is False and item.get("properties")]


def form_name(option: Schema) -> str:
    """A union's form by its required fields: ``with source``."""
    return f"with {' and '.join(option.get('required', ()))}"


def type_of(raw: Schema, root: Schema) -> str:
    """A type in words: ``whole number, 1 to 30``, ``list of text``, ``BASIC, OAUTH2 or API_KEY``."""
    options = [option for option in raw.get("anyOf", ()) if option.get("type") != "null"]
    if len(options) > 1:
        return " or ".join(dict.fromkeys(type_of(option, root) for option in options))
    node = resolve(raw, root)
    if "enum" in node:
        *most, last = [str(item) for item in node["enum"]]
        return f"{', '.join(most)} or {last}" if most else last
    if "const" in node:
        return str(node["const"])
    kind = node.get("type")
    if kind in ("integer", "number"):
        return ("whole number" if kind == "integer" else "number") + _range(node)
    if kind == "boolean":
        return "true or false"
    if kind == "array":
        return f"list of {type_of(node.get('items', {}), root)}"
    if kind == "object":
        if values := map_values(node):
            return f"map to {type_of(values, root)}"
        return "map" if node.get("additionalProperties") is False else "JSON object"
    if kind == "string":
        return "text" + (f", at most {node['maxLength']} characters" if "maxLength" in node else "")
    return " or ".join(dict.fromkeys(type_of(item, root) for item in node.get("anyOf", ()))) or "any value"


def _range(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    above = node.get("exclusiveMinimum")
    if above is not None:
        return f", above {above:g}" + (f", at most {high:g}" if high is not None else "")
    if low is not None and high is not None:
        return f", {low:g} to {high:g}" if high < 1e6 else f", at least {low:g}"
    return f", at least {low:g}" if low is not None else f", at most {high:g}" if high is not None else ""
