"""The extension's fields: as the manifest declares them, as the tenant has them, and the columns that fill them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from reconciler.core.values import Tree
from reconciler.jobs.records.columns import Column, ColumnType
from reconciler.kinds.parts.transform import Transformation, parse_transformation

MAX_LENGTH: Final = 255
"""Characters of a string field that declares no limit of its own (contract: Resources)."""

SYNC_TIMESTAMP: Final = "_syncTimestamp"
SOURCE_SYSTEM: Final = "_sourceSystem"
SOURCE_SYSTEM_NAME: Final = "ETL_PIPELINE_V1"
"""What records that come through here are marked with, in extensions that have a field for it."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field; ``max_length`` is in characters, None for types that have none."""

    name: str
    type: ColumnType
    nullable: bool
    max_length: int | None


def read_fields(items: Any) -> dict[str, Field]:
    """Read ``fields`` of a manifest or of the tenant's schema. Raises `ValueError` for what is none."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise ValueError("it has no list of fields")
    found: dict[str, Field] = {}
    for item in items:
        name, type_ = item.get("name"), item.get("type")
        if not isinstance(name, str) or not name or name in found:
            raise ValueError("it has a field without a name of its own")
        if type_ not in get_args(ColumnType):
            raise ValueError(f"the type of {name} is not one that is known")
        limit = item.get("maxLength")
        if limit is None:
            limit = MAX_LENGTH
        if type(limit) is not int:
            raise ValueError(f"the maxLength of {name} is no number")
        found[name] = Field(name, type_, item.get("nullable") is not False, limit if type_ == "string" else None)
    return found


def differences(declared: Mapping[str, Field], live: Mapping[str, Field], targets: Sequence[str]) -> list[str]:
    """What about the live fields would make records fail that fit the declared ones; ``targets`` are the fields that are filled.

    Live fields that are more permissive, or that nothing fills, do no harm.
    """
    found = []
    for name, field in declared.items():
        there = live.get(name)
        if there is None:
            found.append(f"{name} does not exist there")
        elif there.type != field.type:
            found.append(f"{name} is a {there.type} there, not a {field.type}")
        elif field.nullable and not there.nullable:
            found.append(f"{name} must not be null there")
        elif field.max_length is not None and there.max_length is not None and there.max_length < field.max_length:
            found.append(f"{name} takes {there.max_length} characters there, not {field.max_length}")
    for name, field in live.items():
        if name not in declared and not field.nullable:
            found.append(f"{name} exists there, must not be null, and is not declared here")
    return found + [
        f"{name}, which is mapped, does not exist there" for name in targets if name not in {*live, *declared}
    ]


def columns_of(fields: Mapping[str, Field], mapping: Tree | None, moment: str) -> list[Column]:
    """The columns that fill the fields; ``mapping`` is a FieldMapping's spec, without which fields keep their names.

    ``moment`` (RFC 3339) goes into ``_syncTimestamp``, where the extension has such a field and nothing else is mapped to it.
    """
    sources: dict[str, tuple[str | None, Transformation | None]] = {}
    if mapping is None:
        sources = {name: (name, None) for name in fields}
    else:
        for item in mapping["mappings"]:
            text = item.get("transformation")
            sources[item["target"]] = (item.get("source"), parse_transformation(text) if text else None)
    mapped = set(sources) if mapping is not None else set()
    stamps = {SYNC_TIMESTAMP: (moment, ("date", "string")), SOURCE_SYSTEM: (SOURCE_SYSTEM_NAME, ("string",))}
    for name, (text, types) in stamps.items():
        if name in fields and name not in mapped and fields[name].type in types:
            sources[name] = (None, Transformation("constant", text))
    return [_column(fields[name], *sources[name]) for name in fields if name in sources]


def own_columns(fields: Mapping[str, Field]) -> list[Column]:
    """The columns of records that have the extension's own names already."""
    return [_column(field, field.name, None) for field in fields.values()]


def _column(field: Field, source: str | None, transformation: Transformation | None) -> Column:
    # An empty text is no value for a field that every record needs.
    return Column(
        field.name, field.type, not field.nullable, field.max_length, not field.nullable, source, transformation
    )
