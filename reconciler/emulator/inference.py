"""What becomes of columns that a dataset does not have (contract: Operations, schemaInference). Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import NoneType

from reconciler.emulator.columns import Flaw, is_date
from reconciler.emulator.fields import Doc


def unknown_columns(records: Sequence[Doc], known: Mapping[str, Doc]) -> list[str]:
    """Give the names that records have and the dataset has not, in their order."""
    return sorted(set().union(*records).difference(known))


def strangers(records: Sequence[Doc], unknown: Sequence[str]) -> dict[int, list[Flaw]]:
    """Give a flaw for each unknown column of each record."""
    found: dict[int, list[Flaw]] = {}
    for index, record in enumerate(records):
        flaws = [Flaw(index, name, "is not a column of the dataset") for name in unknown if name in record]
        if flaws:
            found[index] = flaws
    return found


def without(records: Sequence[Doc], columns: Collection[str]) -> list[Doc]:
    """Give the records without some columns; they themselves stay as they came."""
    return [{name: value for name, value in record.items() if name not in columns} for record in records]


def infer_type(records: Sequence[Doc], column: str) -> str | None:
    """Give the type that all values of a column have; None where there is no value, or no single type."""
    values = [record[column] for record in records if record.get(column) is not None]
    types = set(map(type, values)) - {NoneType}
    if types == {bool}:
        return "boolean"
    if types and types <= {int, float}:
        return "number"
    if types == {str}:
        return "date" if all(map(is_date, values)) else "string"
    return None
