"""The columns that a sink's manifest declares, and what the table that really exists adds to them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a live column allows beyond its declared type: ``characters`` of a varchar, ``precision`` and ``scale`` of a numeric.

    None stands for no such limit.
    """

    characters: int | None = None
    precision: int | None = None
    scale: int | None = None


UNBOUNDED = Bounds()


@dataclass(frozen=True, slots=True)
class Column:
    """One column: where its value stands in an event, what it is called, and what it takes.

    ``path`` are the names that lead from the event's root to the value; ``type`` is the declared type of PostgreSQL.
    """

    path: tuple[str, ...]
    name: str
    type: str
    nullable: bool = True
    bounds: Bounds = UNBOUNDED

    @property
    def shown_path(self) -> str:
        """The path as the manifest writes it."""
        return ".".join(self.path)


@dataclass(frozen=True, slots=True)
class TableName:
    """A table's name, with its schema where the manifest gives one (empty: found by the search path)."""

    schema: str
    name: str

    @classmethod
    def parse(cls, text: str) -> TableName:
        """Read ``name`` or ``schema.name``."""
        schema, _, name = text.rpartition(".")
        return cls(schema, name)

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True, slots=True)
class TablePlan:
    """The table as the manifest declares it.

    ``key`` is the column that tells which events are the same one, ``order`` the one by which the newer wins (None: the later
    arrival), ``updated`` the columns that a newer event overwrites.
    """

    table: TableName
    columns: tuple[Column, ...]
    key: str
    order: str | None
    updated: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns' names in declared order."""
        return tuple(column.name for column in self.columns)

    def column(self, name: str) -> Column:
        """The column of a name; raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(name)
