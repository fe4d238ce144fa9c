"""Field mappings in their two forms: a connector's (CXone field and CRM field) and a data job's (source and target)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from reconciler.core.kind import Finding
from reconciler.kinds.parts.base import FieldName, Part, Word
from reconciler.kinds.parts.findings import attributes, each, suggestion
from reconciler.kinds.parts.transform import NAMES, misfit, parse_transformation

Direction = Literal["INBOUND", "OUTBOUND", "BIDIRECTIONAL"]


class ConnectorMapping(Part):
    """One pair of fields that a connector keeps in step."""

    cxone_field: Word = Field(
        description="The field in CXone; at most once in a connector.", examples=["customerPhone"]
    )
    crm_field: Word = Field(description="The field in the CRM; at most once in a connector.", examples=["Phone"])
    direction: Direction = Field(
        description="Which way values go: INBOUND from the CRM, OUTBOUND to it, or both.", examples=["INBOUND"]
    )
    transformation: Annotated[str, Field(max_length=4096)] | None = Field(
        default=None,
        description="What the tenant does to the value on its way: its own language, kept as it is.",
        examples=["trim"],
    )


class RecordMapping(Part):
    """Where one field of an ingested or synchronised record comes from."""

    source: FieldName | None = Field(
        default=None, description="The field in the source. Only a constant needs none.", examples=["E-Mail"]
    )
    target: FieldName = Field(description="The column or field in CXone; at most once.", examples=["email"])
    transformation: str | None = Field(
        default=None,
        description=(
            "What is done to the value: lowercase, uppercase, trim, e164, date:FORMAT, constant:TEXT, "
            "split:SEPARATOR:INDEX or default:TEXT."
        ),
        examples=["lowercase"],
    )


Mapping = ConnectorMapping | RecordMapping


def _either_form(value: Any) -> Mapping:
    # Picking the form by its keys, instead of trying both, keeps the errors of one form out of the other's.
    if isinstance(value, Mapping):
        return value
    record = isinstance(value, dict) and ("target" in value or "source" in value)
    return RecordMapping.model_validate(value) if record else ConnectorMapping.model_validate(value)


AnyMapping = Annotated[Mapping, PlainValidator(_either_form, json_schema_input_type=Mapping)]
"""A mapping of either form."""


def connector_findings(path: Sequence[str | int], items: Sequence[Mapping]) -> Iterator[Finding]:
    """Check connector mappings one by one; duplicates are looked for by `duplicates`."""

    def one(index: int, item: Mapping) -> Iterator[Finding]:
        if isinstance(item, ConnectorMapping) and item.direction == "BIDIRECTIONAL" and not item.transformation:
            yield Finding(
                (*path, index),
                f"{item.cxone_field!r} goes both ways without a transformation: values of different types may not fit",
                "say how the value is transformed, or choose one direction",
                "warning",
            )

    yield from each(items, one)


def record_findings(path: Sequence[str | int], items: Sequence[Mapping]) -> Iterator[Finding]:
    """Check the transformations and sources of source/target mappings."""

    def one(index: int, item: Mapping) -> Iterator[Finding]:
        if not isinstance(item, RecordMapping):
            return
        constant = False
        if item.transformation is not None:
            try:
                constant = parse_transformation(item.transformation).name == "constant"
            except ValueError as error:
                fix = suggestion(item.transformation.partition(":")[0], NAMES)
                yield Finding((*path, index, "transformation"), str(error), fix)
                return
        if item.source is None and not constant:
            yield Finding(
                (*path, index),
                f"nothing says where {item.target!r} comes from",
                "add 'source', or 'transformation: constant:…'",
            )

    yield from each(items, one)


def table_findings(
    path: Sequence[str | int], items: Sequence[Mapping], columns: dict[str, str], table: str
) -> Iterator[Finding]:
    """Check that what is mapped exists in a table and that the values fit; ``columns`` is name → type."""

    def one(index: int, item: Mapping) -> Iterator[Finding]:
        field = item.target if isinstance(item, RecordMapping) else item.cxone_field
        key = "target" if isinstance(item, RecordMapping) else "cxoneField"
        if field not in columns:
            yield Finding((*path, index, key), f"{field!r} does not exist in {table}", suggestion(field, columns))
        elif isinstance(item, RecordMapping) and item.transformation and (why := _misfit(item, columns[field])):
            yield Finding((*path, index, "transformation"), f"{field!r} of {table} is a {columns[field]}: {why}", "")

    yield from each(items, one)


def _misfit(item: RecordMapping, column_type: str) -> str:
    try:
        return misfit(parse_transformation(item.transformation or ""), column_type)
    except ValueError:
        return ""


def table_columns(spec: Any) -> dict[str, str]:
    """Name → type of a dataset's columns or an extension's fields; raises `Unvalidated` where a name is not known."""
    columns = getattr(spec, "columns", None)
    if columns is not None:
        return dict(zip(columns, attributes(columns.values(), "type"), strict=True))
    return dict(zip([field.name for field in spec.fields], attributes(spec.fields, "type"), strict=True))


def required_columns(spec: Any) -> list[str]:
    """The columns of a dataset or extension that every record must have."""
    columns = getattr(spec, "columns", None)
    if columns is not None:
        return [name for name, column in columns.items() if name == spec.primary_key or not column.nullable]
    return [field.name for field in spec.fields if not field.nullable]
