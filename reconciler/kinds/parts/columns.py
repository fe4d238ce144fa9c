"""The columns of tables: datasets, extensions, and what may be mapped into them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from reconciler.kinds.parts.base import FieldName, Part

ColumnType = Literal["string", "number", "boolean", "date"]


class Column(Part):
    """A dataset's column in its long form."""

    type: ColumnType = Field(description="What the column holds.", examples=["string"])
    nullable: bool = Field(
        default=True,
        description="Whether a record may lack the value. The primary key never may, so false is its default.",
    )
    max_length: Annotated[int, Field(ge=1, le=2**31 - 1)] | None = Field(
        default=None, description="Characters at most; only for strings.", examples=[64]
    )
    description: str | None = Field(default=None, max_length=4096, description="What the column means.")


class _OrJustItsType:
    """Says in the JSON Schema that a column may also be written as its type alone."""

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        short = {"type": "string", "enum": ["string", "number", "boolean", "date"]}
        return {"anyOf": [short, handler(schema)]}


def _long_form(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


ColumnOrType = Annotated[Column, BeforeValidator(_long_form), _OrJustItsType()]
"""A column, or just its type."""


class ExtensionField(Part):
    """One field of a data extension."""

    name: FieldName = Field(description="The field's name, unique in the extension.", examples=["customerId"])
    type: ColumnType = Field(description="What the field holds.", examples=["string"])
    max_length: Annotated[int, Field(ge=1, le=255)] | None = Field(
        default=None, description="Characters at most, up to 255 (the default); only for strings.", examples=[64]
    )
    nullable: bool = Field(default=True, description="Whether a record may lack the value.")
