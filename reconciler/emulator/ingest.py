"""Ingesting batches of records into a dataset (contract: Operations): all of a batch is stored, or nothing of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

import orjson

from reconciler.emulator.batch import Batch, Mode
from reconciler.emulator.columns import Column, Flaw, flaws, key_texts
from reconciler.emulator.deduplication import Chosen, Deduplication
from reconciler.emulator.errors import ApiError, Problem, invalid
from reconciler.emulator.fields import Doc
from reconciler.emulator.inference import infer_type, strangers, unknown_columns, without
from reconciler.emulator.kind import Kind
from reconciler.emulator.records import Records
from reconciler.emulator.resources import Resources
from reconciler.emulator.store import Store


@dataclass(slots=True)
class _Dataset:
    """A dataset that a batch is held against; ``changed`` when the batch has given it columns."""

    id: str
    doc: Doc
    server: Doc
    changed: bool = False

    @property
    def columns(self) -> Mapping[str, Doc]:
        columns: Mapping[str, Doc] = self.doc["columns"]
        return columns

    def column(self, name: str) -> Column:
        return Column.of(name, self.columns[name])


class Ingestion:
    """Stores batches. Raises ApiError for what is refused; must be called inside a transaction."""

    def __init__(self, kind: Kind, store: Store, resources: Resources, records: Records) -> None:
        self._kind = kind
        self._resources = resources
        self._records = records
        self._deduplication = Deduplication(store, records)

    def ingest(self, id_: str, batch: Batch, actor: str) -> Doc:
        """Store a batch and give the answer's body."""
        row = self._resources.find(self._kind, id_)
        dataset = _Dataset(row.id, *self._resources.load(self._kind, row.id))
        keys = self._key_columns(dataset, batch)
        records = self._checked(dataset, batch)
        chosen = self._choose(dataset, batch.mode, records, keys)
        lines = list(map(orjson.dumps, chosen.pick(records)))
        dataset.server["recordCount"] += self._records.write(id_, chosen.pick(chosen.primary), lines, chosen.dropped)
        self._resources.settle(self._kind, id_, dataset.doc, dataset.server, actor if dataset.changed else None)
        self._deduplication.follow(id_, chosen)
        return _answer(batch, chosen)

    @staticmethod
    def _key_columns(dataset: _Dataset, batch: Batch) -> list[Column]:
        problems = [
            Problem(f"deduplicationStrategy.keys[{index}]", f"{name!r} is not a column of the dataset")
            for index, name in enumerate(batch.keys)
            if name not in dataset.columns
        ]
        if problems:
            raise invalid(problems)
        return [dataset.column(name) for name in batch.keys or (dataset.doc["primaryKey"],)]

    def _checked(self, dataset: _Dataset, batch: Batch) -> Sequence[Doc]:
        """Hold the records against the columns; unknown ones are refused, or left out or added first."""
        records: Sequence[Doc] = batch.records
        found: dict[int, list[Flaw]] = {}
        unknown = unknown_columns(batch.records, dataset.columns)
        if unknown and batch.strict:
            found = strangers(batch.records, unknown)
        elif unknown:
            types = {name: infer_type(batch.records, name) for name in unknown} if batch.infer else {}
            new = {name: {"type": type_, "nullable": True} for name, type_ in types.items() if type_}
            self._add_columns(dataset, new)
            records = without(records, set(unknown).difference(new))
        columns = [dataset.column(name) for name in dataset.columns]
        for index, more in flaws(columns, records).items():
            found.setdefault(index, []).extend(more)
        if found:
            raise _violation(found, len(records))
        return records

    def _add_columns(self, dataset: _Dataset, new: Mapping[str, Doc]) -> None:
        if not new:
            return
        dataset.doc["columns"] = {**dataset.columns, **new}
        dataset.changed = True
        problems: list[Problem] = []
        self._kind.record.accept(dataset.doc, "", problems)
        if problems:
            raise invalid(problems)

    def _choose(self, dataset: _Dataset, mode: Mode, records: Sequence[Doc], keys: Sequence[Column]) -> Chosen:
        primary = dataset.column(dataset.doc["primaryKey"])
        texts = [text for text in key_texts([primary], records) if text is not None]
        if [key.name for key in keys] == [primary.name]:
            chosen = self._deduplication.by_primary_key(dataset.id, texts, mode)
        else:
            chosen = self._deduplication.by_columns(dataset.id, texts, keys, records, mode)
        if chosen.clashes:
            raise _duplicates(chosen.clashes, primary.name)
        if chosen.duplicates and mode == "reject":
            raise _duplicates(chosen.duplicates, keys[0].name)
        return chosen


def _answer(batch: Batch, chosen: Chosen) -> Doc:
    errors = [
        {"index": index, "code": "DUPLICATE_KEY", "message": message} for index, message in chosen.duplicates.items()
    ]
    return {"processedCount": len(batch.records) - len(errors), "failedCount": len(errors), "errors": errors}


def _violation(found: Mapping[int, Sequence[Flaw]], size: int) -> ApiError:
    """Make the 400 that names every offending record once, by the first thing that is wrong with it."""
    details = [
        Problem(f"records[{index}].{wrong[0].column}", wrong[0].message) for index, wrong in sorted(found.items())
    ]
    text = f"{len(found)} of {size} records break the dataset's schema; {details[0].field} {details[0].message}"
    return ApiError(HTTPStatus.BAD_REQUEST, "SCHEMA_VIOLATION", text, details)


def _duplicates(found: Mapping[int, str], column: str) -> ApiError:
    details = [Problem(f"records[{index}].{column}", message) for index, message in found.items()]
    text = f"{len(found)} records are duplicates; {details[0].field} {details[0].message}"
    return ApiError(HTTPStatus.CONFLICT, "DUPLICATE_KEY", text, details)
