"""A batch of raw messages → rows for COPY, and what is refused with its reason.

Work goes column by column, not event by event: what a whole batch has in common is checked with a few calls that run in C, and
only a column in which something does not plainly fit is looked at value by value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import NoneType
from typing import Any, Literal, Protocol

import orjson

from reconciler.jobs.stream_sink.columns import Column, TablePlan
from reconciler.jobs.stream_sink.conversion import NULL, Converter, Fields, Misfit, escape
from reconciler.jobs.stream_sink.converters import converter_of
from reconciler.jobs.stream_sink.exact_numbers import Unreadable, any_inexact, inexact, read_exactly

RefusedBy = Literal["json", "schema", "column", "database"]
"""What an event failed: it is no JSON, breaks its schema, does not fit a column, or the database itself refused it."""

_MAX_REASONS = 5
_MAX_REASON = 300


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that goes to the dead letters. ``received`` is in seconds since 1970."""

    raw: bytes = field(repr=False)
    received: float
    by: RefusedBy
    reason: str


@dataclass(slots=True)
class Prepared:
    """A batch that is ready to be written.

    ``lines`` are rows in COPY's text format, each with its place in the batch in front; ``origins`` give, for each line, the
    index of its message in ``raws``; ``received`` goes with ``raws``.
    """

    raws: Sequence[bytes]
    received: Sequence[float]
    lines: list[str]
    origins: list[int]
    refused: list[Refused]


class SchemaValidator(Protocol):
    """What is needed of `jsonschema_rs.Validator`."""

    def is_valid(self, instance: Any) -> bool:
        """Whether an event satisfies the schema."""

    def iter_errors(self, instance: Any) -> Any:
        """All that it breaks."""


def compile_schema(schema: dict[str, Any]) -> SchemaValidator:
    """Compile an event schema once for all events, formats checked, nothing fetched."""
    import jsonschema_rs

    def offline(uri: str) -> Any:
        raise ValueError(f"{uri} is not inside the schema")

    validator: SchemaValidator = jsonschema_rs.validator_for(schema, validate_formats=True, retriever=offline)
    return validator


class Preparer:
    """Makes rows of messages, for one schema and one table."""

    def __init__(self, validator: SchemaValidator, plan: TablePlan) -> None:
        self._validator = validator
        self._columns = [(column, converter_of(column)) for column in plan.columns]
        self._key = plan.key

    def prepare(self, raws: Sequence[bytes], received: Sequence[float], first: int = 0) -> Prepared:
        """Parse, validate and convert a batch; every message ends up in a line or among the refused.

        ``first`` is the place of the first message where this is a part of a larger batch.
        """
        refused: list[Refused] = []

        def refuse(index: int, by: RefusedBy, reason: str) -> None:
            refused.append(Refused(raws[index], received[index], by, reason[:_MAX_REASON]))

        events, origins = _parse(raws, refuse)
        events, origins = self._validated(events, origins, refuse)
        batch = _Batch(events, [raws[index] for index in origins])
        lines, origins = self._rows(batch, origins, first, refuse)
        return Prepared(raws, received, lines, origins, refused)

    def _validated(self, events: list[Any], origins: list[int], refuse: _Refuse) -> tuple[list[Any], list[int]]:
        good = list(map(self._validator.is_valid, events))
        if all(good):
            return events, origins
        for event, origin, valid in zip(events, origins, good, strict=True):
            if not valid:
                refuse(origin, "schema", _schema_reason(self._validator, event))
        kept = [index for index, valid in enumerate(good) if valid]
        return [events[index] for index in kept], [origins[index] for index in kept]

    def _rows(self, batch: _Batch, origins: list[int], first: int, refuse: _Refuse) -> tuple[list[str], list[int]]:
        bad: dict[int, list[str]] = {}
        fields: list[list[str]] = []
        for column, converter in self._columns:
            made, misfits = batch.convert(column, converter, required=not column.nullable or column.name == self._key)
            for index, reason in misfits.items():
                bad.setdefault(index, []).append(f"{column.name} {reason}")
            fields.append(made)
        places = map(str, range(first, first + len(batch.events)))
        lines = list(map("\t".join, zip(places, *fields, strict=True)))
        if not bad:
            return lines, origins
        for index in sorted(bad):
            refuse(origins[index], "column", "; ".join(bad[index][:_MAX_REASONS]))
        kept = [index for index in range(len(lines)) if index not in bad]
        return [lines[index] for index in kept], [origins[index] for index in kept]


_Refuse = Callable[[int, RefusedBy, str], None]


class _Batch:
    """The valid events of one batch, column by column."""

    def __init__(self, events: list[Any], raws: list[bytes]) -> None:
        self.events = events
        self._raws = raws
        self._parents: dict[tuple[str, ...], list[Any]] = {(): events}
        self._exact: dict[int, Any] = {}
        self._suspect: bool | None = None

    def values(self, path: tuple[str, ...]) -> list[Any]:
        """The values at a path, None where an event has none."""
        found = self._parents.get(path)
        if found is None:
            name = path[-1]
            # A schema may leave open what stands above the value.
            found = [parent.get(name) if type(parent) is dict else None for parent in self.values(path[:-1])]
            self._parents[path] = found
        return found

    def convert(self, column: Column, converter: Converter, *, required: bool) -> tuple[Fields, dict[int, str]]:
        """The fields of a column, and the reasons of those values that have none."""
        values = self.values(column.path)
        kinds = frozenset(map(type, values))
        if not (required and NoneType in kinds) and not (converter.exact and self._doubtful(kinds)):
            fields = converter.many(values, kinds)
            if fields is not None:
                return fields, {}
        return self._one_by_one(column, converter, values, required=required)

    def _one_by_one(
        self, column: Column, converter: Converter, values: list[Any], *, required: bool
    ) -> tuple[Fields, dict[int, str]]:
        fields: Fields = []
        misfits: dict[int, str] = {}
        for index, value in enumerate(values):
            field = NULL
            try:
                if value is not None:
                    exact = self._exactly(index, column.path, value) if converter.exact else value
                    field = escape(converter.one(exact))
                elif required:
                    misfits[index] = "has no value"
            except Misfit as misfit:
                misfits[index] = str(misfit)
            fields.append(field)
        return fields, misfits

    def _doubtful(self, kinds: frozenset[type]) -> bool:
        """Whether values of these types may be numbers, or hold some, that lost digits when they were parsed."""
        if kinds.isdisjoint((float, dict, list)):
            return False
        if self._suspect is None:
            self._suspect = any_inexact(self._raws)
        return self._suspect

    def _exactly(self, index: int, path: tuple[str, ...], value: Any) -> Any:
        """The value with all its digits, read from the message once more where they may have been lost."""
        if not isinstance(value, (float, dict, list)) or not inexact(self._raws[index]):
            return value
        try:
            if index not in self._exact:
                self._exact[index] = read_exactly(self._raws[index])
        except Unreadable as error:
            raise Misfit("is nested too deeply to be read with all its digits") from error
        found = self._exact[index]
        for name in path:
            found = found[name]
        return found


def _parse(raws: Sequence[bytes], refuse: _Refuse) -> tuple[list[Any], list[int]]:
    try:
        events = list(map(orjson.loads, raws))
    except orjson.JSONDecodeError:
        events = [_parse_one(raw, index, refuse) for index, raw in enumerate(raws)]
    if set(map(type, events)) <= {dict}:
        return events, list(range(len(events)))
    for index, event in enumerate(events):
        if type(event) is not dict and event is not _BROKEN:
            refuse(index, "json", "is no JSON object")
    origins = [index for index, event in enumerate(events) if type(event) is dict]
    return [events[index] for index in origins], origins


_BROKEN = object()


def _parse_one(raw: bytes, index: int, refuse: _Refuse) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        refuse(index, "json", f"is no JSON that can be read: {error}")
        return _BROKEN


def _schema_reason(validator: SchemaValidator, event: Any) -> str:
    reasons = []
    for error in validator.iter_errors(event):
        place = "/".join(["", *map(str, error.instance_path)])
        reasons.append(f"{place or '/'}: {error.message}")
        if len(reasons) == _MAX_REASONS:
            break
    return "; ".join(reasons)
