"""Which converter a column's type has."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.jobs.stream_sink.columns import Column
from reconciler.jobs.stream_sink.conversion import Converter
from reconciler.jobs.stream_sink.convert_numbers import DoubleConverter, NumericConverter, WholeConverter
from reconciler.jobs.stream_sink.convert_texts import BooleanConverter, JsonConverter, TextConverter, UuidConverter
from reconciler.jobs.stream_sink.convert_times import DateConverter, TimeConverter

_CONVERTERS: dict[str, Callable[[Column], Converter]] = {
    "text": TextConverter,
    "integer": WholeConverter,
    "bigint": WholeConverter,
    "numeric": NumericConverter,
    "double precision": DoubleConverter,
    "boolean": BooleanConverter,
    "date": DateConverter,
    "timestamptz": TimeConverter,
    "uuid": UuidConverter,
    "jsonb": JsonConverter,
}


def converter_of(column: Column) -> Converter:
    """The converter of a column, with the bounds that the live table sets."""
    return _CONVERTERS[column.type](column)
