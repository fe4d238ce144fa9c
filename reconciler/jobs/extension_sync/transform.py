"""From a chunk of the source to records that the extension takes, a whole column at a time.

What the mapping's transformations make of a value is trimmed (strings), read as the field's type, and held against its limit;
`reconciler.jobs.records.coercion` has the rules. What breaks one costs its own record only, which is set aside with every
reason; nothing is cut, guessed or made up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import orjson

from reconciler.jobs.records.checking import check
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk

if TYPE_CHECKING:
    import polars as pl

NullHandling = Literal["SET_NULL", "SKIP", "DEFAULT"]

_SLICE: Final = 2_000
"""Records that are objects at the same time."""

_DEFAULTS: Final[Mapping[str, Any]] = {"string": "", "number": 0, "boolean": False}
"""What stands for no value under ``DEFAULT``. A date has no such thing and stays null."""


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a chunk's records became: those that pass, and those that are set aside; both in the source's order."""

    frame: pl.DataFrame
    bad: list[BadRecord]
    nulls: NullHandling

    def texts(self) -> Iterator[bytes]:
        """The records that pass as JSON, made a few at a time: as objects they take many times their bytes."""
        for part in self.frame.iter_slices(_SLICE):
            for record in part.to_dicts():
                if self.nulls == "SKIP":
                    yield orjson.dumps({name: value for name, value in record.items() if value is not None})
                else:
                    yield orjson.dumps(record)


def transformed(chunk: Chunk, columns: Sequence[Column], nulls: NullHandling) -> Transformed:
    """Transform and check a chunk's records."""
    checked = check(chunk, columns, _trimmed)
    frame = checked.frame
    if nulls == "DEFAULT":
        frame = frame.with_columns(
            frame[column.name].fill_null(_DEFAULTS[column.type]) for column in columns if column.type in _DEFAULTS
        )
    return Transformed(frame, checked.bad, nulls)


def _trimmed(column: Column, values: pl.Series) -> pl.Series:
    import polars as pl

    return values.str.strip_chars() if column.type == "string" and values.dtype == pl.String else values
