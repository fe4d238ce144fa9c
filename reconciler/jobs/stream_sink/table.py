"""The declared table against the live one: what differs, what to run about it, and what the live one adds. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from psycopg import sql

from reconciler.jobs.stream_sink.catalog import LiveColumn, LiveTable
from reconciler.jobs.stream_sink.columns import Bounds, Column, TableName, TablePlan
from reconciler.jobs.stream_sink.statements import DEAD_LETTER_COLUMNS, DEAD_LETTER_KEY, identifier

_TAKES: dict[str, frozenset[str]] = {
    "text": frozenset({"text", "varchar", "citext"}),
    "integer": frozenset({"int4", "int8", "numeric"}),
    "bigint": frozenset({"int8", "numeric"}),
    "numeric": frozenset({"numeric"}),
    "double precision": frozenset({"float8"}),
    "boolean": frozenset({"bool"}),
    "date": frozenset({"date"}),
    "timestamptz": frozenset({"timestamptz"}),
    "uuid": frozenset({"uuid"}),
    "jsonb": frozenset({"jsonb"}),
}
"""Declared type → live types that keep every value of it, or whose bounds are checked before writing."""

_MICROSECONDS = 6


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that must be settled before events can be written, and the statement that would settle it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.what} — {self.remedy}" if self.remedy else self.what


def differences(plan: TablePlan, live: LiveTable) -> list[Difference]:
    """Everything in which a live table cannot take what the plan writes, in the plan's order."""
    if not live.is_table:
        return [Difference(f"{plan.table} is no table", "name another table, or rename what stands there")]
    table = _quoted(plan.table)
    found = [item for column in plan.columns for item in _column_differences(column, live, table)]
    found += _unique_differences((plan.key,), live, table)
    return found + list(_unfilled(set(plan.names), live, table))


def dead_letter_differences(table: TableName, live: LiveTable) -> list[Difference]:
    """The same for the dead-letter table."""
    if not live.is_table:
        return [Difference(f"{table} is no table", "name another table in deadLetter")]
    quoted = _quoted(table)
    declared = [Column((name,), name, type_, nullable=False) for name, type_ in DEAD_LETTER_COLUMNS.items()]
    found = [item for column in declared for item in _column_differences(column, live, quoted)]
    found += [
        Difference(f"column {name} is limited to {bounds.characters} characters", _alter_type(quoted, name, "text"))
        for name, column in live.columns.items()
        if name in DEAD_LETTER_COLUMNS and (bounds := column.bounds).characters is not None
    ]
    found += _unique_differences(DEAD_LETTER_KEY, live, quoted)
    return found + list(_unfilled(set(DEAD_LETTER_COLUMNS), live, quoted))


def fitted(plan: TablePlan, live: LiveTable) -> tuple[TablePlan, list[str]]:
    """The plan with the bounds of a live table that takes it, and what that means for events, as warnings."""
    columns, warnings = [], []
    for column in plan.columns:
        found = live.columns[column.name]
        if column.nullable and found.not_null and column.name != plan.key:
            warnings.append(
                f"column {column.name} of {plan.table} is NOT NULL: events without {column.shown_path} become dead letters"
            )
        if not column.nullable and not found.not_null:
            warnings.append(f"column {column.name} of {plan.table} is declared as not nullable, and the table's is")
        columns.append(replace(column, bounds=found.bounds, nullable=column.nullable and not found.not_null))
    return replace(plan, columns=tuple(columns)), warnings


def _column_differences(column: Column, live: LiveTable, table: str) -> Iterator[Difference]:
    found = live.columns.get(column.name)
    if found is None:
        yield Difference(
            f"column {column.name} is missing", f"ALTER TABLE {table} ADD COLUMN {_name(column.name)} {column.type};"
        )
    elif found.computed:
        yield Difference(
            f"column {column.name} is computed by the database itself", "take it out of the manifest's columns"
        )
    elif found.type not in _TAKES[column.type] or not _wide_enough(column, found):
        yield Difference(
            f"column {column.name} is {found.shown}, and the manifest declares {column.type}",
            _alter_type(table, column.name, column.type),
        )


def _wide_enough(column: Column, found: LiveColumn) -> bool:
    """Whether bounds of a live column are such that a conversion can check them; others would change values silently."""
    if found.digits is not None and found.digits < _MICROSECONDS:
        return False
    if found.type != "numeric" or found.bounds == Bounds():
        return True
    return column.type == "numeric" and (found.bounds.scale or 0) >= 0


def _unique_differences(key: tuple[str, ...], live: LiveTable, table: str) -> list[Difference]:
    if frozenset(key) in live.unique or any(name not in live.columns for name in key):
        return []
    columns = ", ".join(map(_name, key))
    remedy = f"CREATE UNIQUE INDEX ON {table} ({columns});"
    return [Difference(f"no unique index stands on {', '.join(key)} alone", remedy)]


def _unfilled(given: set[str], live: LiveTable, table: str) -> Iterator[Difference]:
    for name, column in live.columns.items():
        if name not in given and column.not_null and not column.filled and not column.computed:
            yield Difference(
                f"column {name} is NOT NULL without a default, and nothing fills it",
                f"ALTER TABLE {table} ALTER COLUMN {_name(name)} DROP NOT NULL;",
            )


def _alter_type(table: str, name: str, type_: str) -> str:
    return f"ALTER TABLE {table} ALTER COLUMN {_name(name)} TYPE {type_} USING {_name(name)}::{type_};"


def _quoted(table: TableName) -> str:
    return identifier(table).as_string(None)


def _name(column: str) -> str:
    """A column's name as a statement takes it, whatever word it is."""
    return sql.Identifier(column).as_string(None)
