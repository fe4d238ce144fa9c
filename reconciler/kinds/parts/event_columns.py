"""The columns of a sink's table, and whether the paths that they name exist in the event's JSON Schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from reconciler.core.kind import Finding
from reconciler.kinds.parts.base import Part
from reconciler.kinds.parts.findings import each, suggestion

SqlType = Literal[
    "text",
    "integer",
    "bigint",
    "numeric",
    "double precision",
    "boolean",
    "date",
    "timestamptz",
    "uuid",
    "jsonb",
]

IDENTIFIER = r"^[a-z_][a-z0-9_]{0,62}$"

_FITS: Mapping[str, frozenset[str]] = {
    "integer": frozenset({"integer", "number"}),
    "bigint": frozenset({"integer", "number"}),
    "numeric": frozenset({"integer", "number"}),
    "double precision": frozenset({"integer", "number"}),
    "boolean": frozenset({"boolean"}),
    "date": frozenset({"string"}),
    "timestamptz": frozenset({"string"}),
    "uuid": frozenset({"string"}),
}
"""Column type → JSON types that it takes; a type that is not here takes any."""


class SinkColumn(Part):
    """A column of the table in its long form."""

    type: SqlType = Field(description="The column's type in PostgreSQL.", examples=["text"])
    name: Annotated[str, Field(pattern=IDENTIFIER)] | None = Field(
        default=None,
        description="The column's name. Default: the path's last part in snake_case: attributes.queueName is queue_name.",
        examples=["queue_name"],
    )
    nullable: bool = Field(default=True, description="Whether an event may lack the value. The conflict key never may.")


class _OrJustItsType:
    """Says in the JSON Schema that a column may also be written as its type alone."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {"anyOf": [{"type": "string", "enum": list(get_args(SqlType))}, handler(schema)]}


def _long_form(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


SinkColumnOrType = Annotated[SinkColumn, BeforeValidator(_long_form), _OrJustItsType()]
"""A column, or just its type."""


def column_name(path: str, column: SinkColumn) -> str:
    """The name of the column that takes the value at a path: the declared one, or the last part in snake_case."""
    return column.name or re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", path.rpartition(".")[2]).lower()


def event_path_findings(columns: Mapping[str, SinkColumn], schema: Mapping[str, Any]) -> Iterator[Finding]:
    """Check that every path exists in the event's schema and that its values fit the column."""

    def one(_: int, item: tuple[str, SinkColumn]) -> Iterator[Finding]:
        path, column = item
        node: Any = schema
        for part in path.split("."):
            node = _resolve(node, schema)
            if not isinstance(node, Mapping):
                break
            properties = node.get("properties")
            known = properties if isinstance(properties, Mapping) else {}
            if part not in known:
                yield from _missing(path, part, known, open_ended=node.get("additionalProperties") is not False)
                node = None
                break
            node = known[part]
        yield from _misfit(path, column, _resolve(node, schema))

    yield from each(columns.items(), one)


def _missing(path: str, part: str, known: Mapping[str, Any], *, open_ended: bool) -> Iterator[Finding]:
    where = ("table", "columns", path)
    if not open_ended:
        yield Finding(where, f"events have no {path!r}: the schema does not allow {part!r}", suggestion(part, known))
    elif known:
        message = f"the event schema does not mention {path!r}, so the column may stay empty"
        yield Finding(where, message, suggestion(part, known), "warning")


def _misfit(path: str, column: SinkColumn, node: Any) -> Iterator[Finding]:
    declared = node.get("type") if isinstance(node, Mapping) else None
    types = {declared} if isinstance(declared, str) else set(declared) if isinstance(declared, list) else set()
    types.discard("null")
    fits = _FITS.get(column.type)
    if fits is not None and types and not types & fits:
        yield Finding(
            ("table", "columns", path),
            f"{path!r} is a {' or '.join(sorted(types))} in the event schema, which a column of type {column.type} refuses",
            "choose a type that takes it, such as text or jsonb",
        )


def _resolve(node: Any, root: Mapping[str, Any]) -> Any:
    """Follow a local ``$ref`` (a JSON pointer into the same schema), a few levels deep; None where it leads nowhere."""
    for _ in range(16):
        reference = node.get("$ref") if isinstance(node, Mapping) else None
        if not isinstance(reference, str):
            return node
        if not reference.startswith("#"):
            return None
        node = root
        for part in reference.lstrip("#").lstrip("/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if key:
                node = node.get(key) if isinstance(node, Mapping) else None
    return None
