"""Which source column becomes which column of the dataset, and by what transformation: settled before anything is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.values import Tree
from reconciler.errors import SourceUnusable
from reconciler.kinds.parts.transform import Transformation, parse_transformation

ColumnType = Literal["string", "number", "boolean", "date"]


@dataclass(frozen=True, slots=True)
class Column:
    """A dataset's column and where its values come from.

    ``required``: every record must have a value. ``key``: part of the key that duplicates are told by, so that an empty text is
    no value either. ``source`` is None where a constant needs none.
    """

    name: str
    type: ColumnType
    required: bool = False
    max_length: int | None = None
    key: bool = False
    source: str | None = None
    transformation: Transformation | None = None

    @property
    def optional_source(self) -> bool:
        """Whether the source may lack the column: a default stands in for it."""
        return self.transformation is not None and self.transformation.name == "default"


def plan_columns(dataset: Mapping[str, Any], mapping: Tree | None, keys: Sequence[str]) -> list[Column]:
    """The columns that can be sent, in the dataset's order.

    ``dataset`` is the manifest's wire form, ``mapping`` the FieldMapping's spec (None: names stay), ``keys`` those that
    duplicates are told by; empty for the primary key.
    """
    primary = dataset["primaryKey"]
    sources: dict[str, tuple[str | None, Transformation | None]] = {}
    if mapping is None:
        sources = {name: (name, None) for name in dataset["columns"]}
    else:
        for item in mapping["mappings"]:
            text = item.get("transformation")
            sources[item["target"]] = (item.get("source"), parse_transformation(text) if text else None)
    found = []
    for name, declared in dataset["columns"].items():
        if name not in sources:
            continue
        long: dict[str, Any] = {"type": declared} if isinstance(declared, str) else declared
        source, transformation = sources[name]
        required = name == primary or long.get("nullable") is False
        found.append(
            Column(
                name,
                long["type"],
                required,
                long.get("maxLength"),
                name in (keys or [primary]),
                source,
                transformation,
            )
        )
    return found


def present(columns: Sequence[Column], header: Sequence[str], file: str, *, mapped: bool) -> list[Column]:
    """The columns that a file with this header can fill; what it lacks is not sent at all, rather than emptied.

    Raises `SourceUnusable` for a column that every record needs, or that a mapping names.
    """
    names = set(header)
    kept = []
    for column in columns:
        if column.source is None or column.source in names or column.optional_source:
            kept.append(column)
        elif column.required or mapped:
            raise SourceUnusable(
                f"{file} has no column {column.source!r}, which {column.name} is made from; it has {', '.join(header)}",
                fix="correct the file's header, or the FieldMapping",
            )
    return kept


def wanted(columns: Sequence[Column]) -> list[str]:
    """The source columns that are read, each once."""
    return list(dict.fromkeys(column.source for column in columns if column.source is not None))
