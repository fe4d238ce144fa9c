"""From a source's records to an extension's: mapping, nulls, merging with what is stored, and checks. Pure.

The key of an extension's records is its first field that is not nullable. An extension without such a field has no
key: there the whole record is, so that the same one is not stored twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import orjson

from reconciler.emulator.columns import Column, Flaw, flaws, key_texts
from reconciler.emulator.fields import Doc, Json
from reconciler.emulator.syncs.malformed import malformed, malformed_error

_DEFAULTS: Mapping[str, Json] = {"string": "", "number": 0, "boolean": False, "date": None}

Lookup = Callable[[Sequence[str]], Mapping[str, bytes]]
"""Gives the JSON of those stored records that there are under some keys."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How one sync turns a record of the source into one of the extension."""

    columns: Mapping[str, Column]
    pairs: tuple[tuple[str, str], ...]
    nulls: str
    key: Column | None

    @classmethod
    def of(cls, fields: Sequence[Doc], request: Doc) -> Plan:
        """Make the plan of a request for an extension with these fields."""
        columns = {doc["name"]: Column.of(doc["name"], doc) for doc in fields}
        pairs = tuple((mapping["source"], mapping["target"]) for mapping in request["fieldMappings"])
        key = next((column for column in columns.values() if not column.nullable), None)
        return cls(columns, pairs, request["options"]["nullValueHandling"], key)

    def map(self, record: Doc) -> Doc:
        """Give the fields that a source record sets."""
        fields: Doc = {}
        for source, target in self.pairs:
            value = record.get(source)
            if value is None and self.nulls == "SKIP":
                continue
            if value is None and self.nulls == "DEFAULT":
                value = _DEFAULTS[self.columns[target].type]
            fields[target] = value
        return fields

    def keys(self, records: Sequence[Doc]) -> list[str | None]:
        """Give the key of each mapped record; None where its key field can't be one."""
        if self.key is None:
            return [_digest(record) for record in records]
        key = self.key
        right = [index for index, record in enumerate(records) if key.wrong(record.get(key.name)) is None]
        found: list[str | None] = [None] * len(records)
        for index, text in zip(right, key_texts([key], [records[index] for index in right]), strict=True):
            found[index] = text
        return found


def _digest(record: Doc) -> str:
    return blake2b(orjson.dumps(record, option=orjson.OPT_SORT_KEYS), digest_size=16).hexdigest()


@dataclass(slots=True)
class Converted:
    """What came out of some records: those to store by key, how many were right, and an error for each other."""

    lines: dict[str, bytes] = field(default_factory=dict)
    accepted: int = 0
    errors: list[Doc] = field(default_factory=list)
    growth_bytes: int = 0
    """By how much the stored JSON grows."""


def convert(plan: Plan, source: Sequence[Json], first: int, lookup: Lookup) -> Converted:
    """Convert records, the ``first`` of which has that number in the whole source.

    A record that has the key of a stored one sets only the fields that are mapped; the others stay as they are.
    """
    result = Converted()
    objects = [record if isinstance(record, dict) else {} for record in source]
    mapped = [plan.map(record) for record in objects]
    keys = plan.keys(mapped)
    stored = lookup([key for key in dict.fromkeys(keys) if key is not None])
    for start, end in _runs(keys):
        _convert_run(plan, source, mapped, keys, range(start, end), first, stored, result)
    result.growth_bytes = sum(map(len, result.lines.values()))
    result.growth_bytes -= sum(len(stored[key]) for key in result.lines if key in stored)
    return result


def _runs(keys: Sequence[str | None]) -> Iterator[tuple[int, int]]:
    """Cut the records where a key comes again, since the later record builds on the earlier one."""
    start, seen = 0, set[str]()
    for index, key in enumerate(keys):
        if key in seen:
            yield start, index
            start, seen = index, set()
        if key is not None:
            seen.add(key)
    yield start, len(keys)


def _convert_run(
    plan: Plan,
    source: Sequence[Json],
    mapped: Sequence[Doc],
    keys: Sequence[str | None],
    run: range,
    first: int,
    stored: Mapping[str, bytes],
    result: Converted,
) -> None:
    merged: list[Doc] = []
    for index in run:
        key = keys[index]
        before = (result.lines.get(key) or stored.get(key)) if key is not None else None
        merged.append((orjson.loads(before) | mapped[index]) if before is not None else mapped[index])
    found = flaws(plan.columns.values(), merged)
    for offset, index in enumerate(run):
        key = keys[index]
        if not isinstance(source[index], dict):
            result.errors.append(malformed_error(first + index, "the record is not a JSON object", {}))
        elif offset in found or key is None:
            result.errors.append(_error(plan, merged[offset], first + index, found.get(offset, [])))
        else:
            result.accepted += 1
            result.lines[key] = orjson.dumps(merged[offset])


def _error(plan: Plan, record: Doc, number: int, found: Sequence[Flaw]) -> Doc:
    value = record.get(plan.key.name) if plan.key is not None else None
    return malformed(number if value is None else value, found, record, plan.columns)
