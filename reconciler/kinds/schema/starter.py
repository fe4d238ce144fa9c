"""A commented starter manifest with every field of a kind, which is valid as it stands.

Prose is written ``# like this``; fields that may be left out are written ``#like: this``, without a blank, and what is inside of
them ``#  like: this``: taking away the first ``#`` of each line is all it takes to declare one.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from textwrap import wrap
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.values import ABSENT
from reconciler.kinds.metadata import METADATA_MODEL
from reconciler.kinds.schema.fields import form_name, map_values, object_forms, type_of
from reconciler.kinds.schema.manifest import API_VERSION
from reconciler.kinds.schema.plain import Schema, model_schema, resolve, spec_schema

WIDTH = 100
"""Columns that comments are wrapped to."""

_PLAIN = re.compile(r"[A-Za-z_./+][A-Za-z0-9_./+@-]*( [A-Za-z0-9_./+@-]+)*")
_FIRST = ("name", "description")
_WORDS = frozenset({"true", "false", "null", "yes", "no", "on", "off", "y", "n"})


def starter(kind: Kind, name: str) -> str:
    """A manifest of a kind called ``name``: required fields filled with plausible values, all others commented out."""
    metadata = model_schema(METADATA_MODEL)
    spec = spec_schema(kind)
    lines = [
        *_prose(f"{kind.name}: {kind.summary}", ""),
        f"apiVersion: {API_VERSION}",
        f"kind: {kind.name}",
        "metadata:",
        *_fields(metadata, metadata, "  ", {"name": name, "movedFrom": f"{kind.name}/old-name"}, False),
        "spec:",
        *_fields(spec, spec, "  ", {"name": name}, False),
    ]
    return "\n".join(_block_comments(lines)) + "\n"


def _block_comments(lines: list[str]) -> Iterator[str]:
    """Put the ``#`` of all that belongs to a field which is left out into one column, as `fmt` keeps it."""
    base = -1
    for line in lines:
        blanks = len(line) - len(line.lstrip())
        rest = line[blanks:]
        if base >= 0 and blanks > base and rest.startswith("#"):
            inner = rest if rest.startswith("# ") else rest[1:]
            yield f"{' ' * base}#{' ' * (blanks - base)}{inner}"
            continue
        base = blanks if rest.startswith("#") and not rest.startswith("# ") else -1
        yield line


def yaml_lines(value: Any, indent: str = "") -> list[str]:
    """Write a JSON value as block YAML."""
    if isinstance(value, dict) and value:
        lines = []
        for key, item in value.items():
            if isinstance(item, (dict, list)) and item:
                lines += [f"{indent}{scalar(key)}:", *yaml_lines(item, indent + "  ")]
            else:
                lines.append(f"{indent}{scalar(key)}: {scalar(item)}")
        return lines
    if isinstance(value, list) and value:
        lines = []
        for item in value:
            first, *rest = yaml_lines(item, indent + "  ")
            lines += [f"{indent}- {first.lstrip()}", *rest]
        return lines
    return [f"{indent}{scalar(value)}"]


def scalar(value: Any) -> str:
    """Write a scalar, an empty list or an empty map; text is quoted where YAML would read it as something else."""
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, ensure_ascii=False)


def _prose(text: str, indent: str) -> list[str]:
    return [f"{indent}# {line}" for line in wrap(text, WIDTH - len(indent) - 2, break_on_hyphens=False)]


def _fields(node: Schema, root: Schema, indent: str, given: dict[str, Any], disabled: bool) -> Iterator[str]:
    """All fields of an object, required ones behind name and description; ``given`` are values that are known already."""
    required = node.get("required", ())
    properties = node.get("properties", {})
    for name in sorted(properties, key=lambda item: (item not in _FIRST, item not in required)):
        raw = properties[name]
        off = disabled or name not in required
        yield from _prose(_note(raw, root), indent)
        yield from _field(name, raw, root, indent, given.get(name, ABSENT), off)


def _note(raw: Schema, root: Schema) -> str:
    text = str(raw.get("description", resolve(raw, root).get("description", "")))
    kind = type_of(raw, root)
    said = "" if kind in ("text", "map", "JSON object") or kind.startswith("text,") else f" ({kind})"
    return f"{text}{said}"


def _field(name: str, raw: Schema, root: Schema, indent: str, value: Any, off: bool) -> Iterator[str]:
    node = resolve(raw, root)
    mark = "#" if off else ""
    if value is ABSENT and not raw.get("examples") and (forms := object_forms(node, root)):
        yield f"{indent}{mark}{name}:"
        yield from _fields(forms[0], root, f"{indent}  ", {}, off)
        for other in forms[1:]:
            yield from _other_form(other, root, f"{indent}  ", other["properties"])
        return
    if value is ABSENT:
        value = _value(raw, node)
    if isinstance(value, (dict, list)) and value:
        yield f"{indent}{mark}{name}:"
        yield from _filled(node, root, f"{indent}  ", value, off)
    else:
        yield f"{indent}{mark}{name}: {scalar(value)}"


def _filled(node: Schema, root: Schema, indent: str, value: Any, off: bool) -> Iterator[str]:
    """A list or map with values, followed by a word on the fields that it does not show."""
    mark = "#" if off else ""
    for line in yaml_lines(value):
        blanks = len(line) - len(line.lstrip())
        yield f"{indent}{' ' * blanks}{mark}{line.lstrip()}"
    inner = node.get("items", {}) if node.get("type") == "array" else map_values(node) or node
    shown = set(_keys(value))
    for option in object_forms(resolve(inner, root), root):
        missing = {key: item for key, item in option["properties"].items() if key not in shown}
        yield from _other_form(option, root, indent, missing)


def _other_form(option: Schema, root: Schema, indent: str, missing: Schema) -> Iterator[str]:
    """Prose about fields that the lines before do not show."""
    if missing and len(missing) == len(option["properties"]):
        yield from _prose(f"Or, {form_name(option)}:", indent)
    for key, item in missing.items():
        yield from _prose(f"{key}: {_note(item, root)}", indent)


def _keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _keys(item)


def _value(raw: Schema, node: Schema) -> Any:
    """The value to show: what was given as an example, or the default, or the plainest value of the type."""
    for schema in (raw, node):
        if schema.get("examples"):
            return schema["examples"][0]
    for schema in (raw, node):
        if "default" in schema:
            return schema["default"]
    if "enum" in node:
        return node["enum"][0]
    plainest = {"string": "text", "integer": 1, "number": 1, "boolean": False, "array": [], "object": {}}
    return plainest.get(node.get("type", ""), {})
