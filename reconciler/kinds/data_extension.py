"""DataExtension: a table of bounded size that sync jobs fill (contract: Resources)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

from pydantic import Field

from reconciler.core.kind import Finding, Kind, Lookup, SchemaField, Wire
from reconciler.kinds.parts.base import Spec
from reconciler.kinds.parts.columns import ExtensionField
from reconciler.kinds.parts.findings import attributes, each, gathered, repeated


class DataExtensionSpec(Spec):
    """The fields of a data extension and how much it may store."""

    fields: Annotated[list[ExtensionField], Field(min_length=1)] = Field(
        description=(
            "The fields. While there are records, only new nullable fields and wider limits are accepted. "
            "Their order has no meaning."
        ),
        examples=[[{"name": "customerId", "type": "string", "maxLength": 64, "nullable": False}]],
    )
    storage_limit_mb: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        default=None, description="Megabytes that the extension may store, at most 1024.", examples=[256]
    )


def check(spec: DataExtensionSpec, _lookup: Lookup) -> list[Finding]:
    """Names are unique; lengths are for strings."""
    return gathered(
        lambda: [
            Finding(
                ("fields", index, "name"), f"the field {name!r} is declared by fields[{first}] already", "remove one"
            )
            for index, first, name in repeated(attributes(spec.fields, "name"))
        ],
        lambda: each(spec.fields, _length),
    )


def _length(index: int, field: ExtensionField) -> Iterable[Finding]:
    if field.max_length is None or field.type == "string":
        return ()  # no generator: this is asked of every field of every extension
    message = f"maxLength is for strings, and {field.name!r} is a {field.type}"
    return (Finding(("fields", index, "maxLength"), message, "remove maxLength"),)


KIND = Kind(
    name="DataExtension",
    kind_class="resource",
    spec=DataExtensionSpec,
    summary="A table of bounded size that sync jobs fill and agents look into.",
    wire=Wire(collection="/api/v2/data/extensions", read_scopes=("data:read",), write_scopes=("data:write",)),
    read_only=frozenset(
        {"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy", "recordCount", "storageUsedMb"}
    ),
    volatile=frozenset({"recordCount", "storageUsedMb"}),
    required=frozenset({"name", "fields"}),
    defaults={"storageLimitMb": 1024},
    keyed_lists={"fields": ("name",)},
    normalisers={"fields.*": "field"},
    table=SchemaField(columns="fields", count="recordCount"),
    check=check,
)
