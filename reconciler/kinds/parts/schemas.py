"""JSON Schemas inside manifests: an action's inputs and outputs, a stream's events. Draft 2020-12 unless they say else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, NoReturn

import orjson
from pydantic import AfterValidator, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from reconciler.core.kind import Finding
from reconciler.kinds.parts.findings import unknown_names

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MAX_DEPTH = 64
"""Levels that a schema may be nested; deeper ones are refused here rather than by a tenant."""


def _object_schema(value: dict[str, Any]) -> dict[str, Any]:
    if not isinstance(value.get("properties"), dict):
        raise PydanticCustomError(
            "object_schema", "a JSON Schema of an object is needed here, with the fields under 'properties'"
        )
    if value.get("type", "object") != "object":
        raise PydanticCustomError("object_schema", "the schema's 'type' can only be 'object' here")
    return value


ObjectSchema = Annotated[
    dict[str, Any],
    Field(min_length=1),
    AfterValidator(_object_schema),
    WithJsonSchema(
        {
            "type": "object",
            "properties": {
                "type": {"const": "object"},
                "properties": {
                    "type": "object",
                    "additionalProperties": {"$ref": DIALECT},
                },
                "required": {"type": "array", "items": {"type": "string"}, "uniqueItems": True},
            },
            "required": ["properties"],
        }
    ),
]
"""A JSON Schema of an object (contract: DataAction): ``properties``, ``required``, and further keywords."""


def schema_findings(path: tuple[str | int, ...], schema: Mapping[str, Any]) -> list[Finding]:
    """Check a schema against its own meta-schema, and that what it requires is among its properties."""
    spelling = _spelling(schema)
    if spelling in _FLAWLESS:
        return []
    if _too_deep(schema):
        return [
            Finding(path, f"the JSON Schema is nested more than {MAX_DEPTH} levels deep", "flatten it, or use $defs")
        ]
    found = list(_meta_findings(path, schema)) or list(_required_findings(path, schema))
    if not found and spelling and len(_FLAWLESS) < _MOST:
        _FLAWLESS.add(spelling)
    return found


def null_findings(path: tuple[str | int, ...], value: Any) -> Iterator[Finding]:
    """Find nulls that a merge patch would take for removals (RFC 7396): those in maps, down to the first list.

    A list is sent whole, so that a null inside one arrives.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield from null_findings((*path, name), inner)
    elif value is None:
        message = f"a null under {path[-1]!r} would get lost: updates are merge patches, which take it for a removal"
        yield Finding(path, message, _WITHOUT_NULL.get(str(path[-1]), "leave the key out"))


_WITHOUT_NULL: Final = {
    "const": "write 'type: \"null\"', or 'enum: [null]'",
    "default": "leave the key out: a null output or input counts as unset",
}

_FLAWLESS: Final[set[bytes]] = set()
"""Schemas in which nothing was found, by their JSON: many actions share one interface."""

_MOST: Final = 4096


def _spelling(schema: Mapping[str, Any]) -> bytes:
    """The schema's JSON; empty for one that has none."""
    try:
        return orjson.dumps(schema)
    except TypeError:
        return b""


class Judge:
    """Checks values against one schema that is known to be valid; ``what`` names the schema in messages, as a plural.

    Making the validator costs more than using it, so one serves all values, and none is made where there are no values.
    """

    def __init__(self, schema: Mapping[str, Any], what: str) -> None:
        self._schema = schema
        self._what = what
        self._validator: Any = None

    def findings(self, path: tuple[str | int, ...], value: Any) -> list[Finding]:
        """What the schema does not allow in a value that stands at a path; nothing where a part was cut from its schema."""
        import jsonschema_rs

        if self._validator is None:
            try:
                self._validator = jsonschema_rs.validator_for(_plain(self._schema), retriever=_offline)
            except jsonschema_rs.ValidationError:
                self._validator = jsonschema_rs.validator_for(True)
        return [
            Finding(
                (*path, *error.instance_path),
                f"{self._what} do not allow this: {_short(error.message)}",
                "correct the value, or the schema",
            )
            for error in self._validator.iter_errors(_plain(value))
        ]


def _plain(value: Any) -> Any:
    """The same in Python's own types: what stands for a reference or a secret is a kind of text, which the validator does not take."""
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return str.__str__(value) if isinstance(value, str) else value


def _meta_findings(path: tuple[str | int, ...], schema: Mapping[str, Any]) -> Iterator[Finding]:
    # The meta-schema costs time to import and to run, and a project without actions and sinks never needs it.
    import jsonschema_rs

    try:
        jsonschema_rs.meta.validate(_plain(schema))
        jsonschema_rs.validator_for(_plain(schema), retriever=_offline)
    except jsonschema_rs.ReferencingError:
        yield Finding(
            path, "the JSON Schema names a dialect that is not known", f"write '$schema: {DIALECT}', or nothing"
        )
    except jsonschema_rs.ValidationError as error:
        if isinstance(error.kind, jsonschema_rs.ValidationErrorKind.Referencing):
            message, fix = "a $ref leads nowhere inside the JSON Schema", "put what it names under $defs"
        else:
            message = f"not valid in a JSON Schema: {_short(error.message)}"
            fix = f"see {DIALECT} for what the keyword takes"
        yield Finding((*path, *error.instance_path), message, fix)


def _offline(uri: str) -> NoReturn:
    """Refuse to fetch what a ``$ref`` names: validation makes no network call."""
    raise ValueError(f"{uri} is not inside the schema")


def _required_findings(path: tuple[str | int, ...], schema: Mapping[str, Any]) -> Iterator[Finding]:
    required = schema.get("required")
    if isinstance(required, list) and isinstance(schema.get("properties"), dict):
        for finding in unknown_names(
            (*path, "required"), required, schema["properties"], "one of the schema's properties"
        ):
            yield replace(finding, severity="warning")


def _too_deep(value: Any) -> bool:
    layer, depth = [value], 0
    while layer:
        depth += 1
        if depth > MAX_DEPTH:
            return True
        nested: list[Any] = []
        for element in layer:
            if isinstance(element, Mapping):
                nested.extend(element.values())
            elif isinstance(element, list):
                nested.extend(element)
        layer = nested
    return False


def _short(message: str) -> str:
    line = message.splitlines()[0] if message else "it is refused"
    return line if len(line) <= 200 else line[:199] + "…"
