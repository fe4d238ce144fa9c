"""Dataset: a table with a primary key that records are ingested into (contract: Resources)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, SchemaField, Wire
from reconciler.kinds.parts.base import FieldName, Spec
from reconciler.kinds.parts.columns import Column, ColumnOrType
from reconciler.kinds.parts.findings import each, gathered, suggestion


class DatasetSpec(Spec):
    """The columns of a dataset and which of them is its key."""

    primary_key: FieldName = Field(
        description="The column that identifies a record. It is never nullable.", examples=["external_id"]
    )
    columns: Annotated[dict[FieldName, ColumnOrType], Field(min_length=1)] = Field(
        description=(
            "The columns by name: a type (string, number, boolean, date), or {type, nullable, maxLength, description}. "
            "While there are records, only new nullable columns and wider limits are accepted."
        ),
        examples=[
            {
                "external_id": {"type": "string", "nullable": False, "maxLength": 64, "description": "The CRM's id"},
                "opened_on": "date",
                "priority": "number",
            }
        ],
    )


def check(spec: DatasetSpec, _lookup: Lookup) -> list[Finding]:
    """The primary key is a column that is never null; lengths are for strings."""
    return gathered(lambda: _key_findings(spec), lambda: each(spec.columns.items(), _length))


def _key_findings(spec: DatasetSpec) -> Iterator[Finding]:
    if spec.primary_key not in spec.columns:
        yield Finding(
            ("primaryKey",),
            f"the primary key {spec.primary_key!r} is not one of the columns",
            suggestion(spec.primary_key, spec.columns),
        )
        return
    key = spec.columns[spec.primary_key]
    if key.nullable and "nullable" in key.model_fields_set:
        yield Finding(
            ("columns", spec.primary_key, "nullable"),
            f"{spec.primary_key!r} is the primary key and can't be nullable",
            "write 'nullable: false', or leave it out",
        )


def _length(_: int, item: tuple[str, Column]) -> Iterable[Finding]:
    name, column = item
    if column.max_length is None or column.type == "string":
        return ()  # no generator: this is asked of every column of every dataset
    message = f"maxLength is for strings, and {name!r} is a {column.type}"
    return (Finding(("columns", name, "maxLength"), message, "remove maxLength"),)


KIND = Kind(
    name="Dataset",
    kind_class="resource",
    spec=DatasetSpec,
    summary="A table with a primary key that records are ingested into.",
    wire=Wire(
        collection="/api/v2/data-actions/datasets",
        read_scopes=("data-actions:read",),
        write_scopes=("data-actions:write",),
    ),
    read_only=frozenset({"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy", "recordCount"}),
    volatile=frozenset({"recordCount"}),
    required=frozenset({"name", "primaryKey", "columns"}),
    whole=frozenset({"columns"}),
    normalisers={"columns.*": "column"},
    table=SchemaField(
        columns="columns", count="recordCount", primary_key="primaryKey", forced_delete={"force": "true"}
    ),
    check=check,
)
