"""Reading the source, or a replayed file, and laying out what passes as pages for the tenant; the rest goes into quarantine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from reconciler.errors import SourceUnusable
from reconciler.jobs.context import JobContext
from reconciler.jobs.extension_sync.fields import Field, columns_of, own_columns
from reconciler.jobs.extension_sync.pages import PageWriter
from reconciler.jobs.extension_sync.recovery import corrected, is_recovery
from reconciler.jobs.extension_sync.run_record import RunRecord
from reconciler.jobs.extension_sync.transform import transformed
from reconciler.jobs.records.columns import Column
from reconciler.jobs.records.quarantine import Quarantine
from reconciler.jobs.records.readers.chunk import Chunk, Position
from reconciler.jobs.records.source import Source, look_at, replayed

QUARANTINE = "quarantine.ndjson"


@dataclass(slots=True)
class Offer:
    """What was read. ``finished`` is false where a request to stop came first. ``fields`` are those that any record may have."""

    read: int = 0
    quarantined: int = 0
    served: int = 0
    finished: bool = False
    fields: tuple[str, ...] = ()


def columns_for(context: JobContext, fields: dict[str, Field], begun_at: float) -> list[Column]:
    """The columns that the manifest's mapping makes of the source."""
    reference = context.spec.field_mapping_ref
    mapping = context.fragment("FieldMapping", reference) if reference else None
    seconds = time.gmtime(begun_at)
    return columns_of(fields, mapping, time.strftime("%Y-%m-%dT%H:%M:%SZ", seconds))


def lay_out(context: JobContext, record: RunRecord, fields: dict[str, Field]) -> Offer:
    """Read all of the source; runs in a thread of its own and takes up a request to stop between chunks.

    Raises `SourceUnusable` and `StorageError`.
    """
    dry_run = context.options.dry_run
    offer = Offer()
    quarantine = Quarantine(Path(record.quarantine))
    names: dict[str, None] = {}
    with ExitStack() as stack:
        stack.callback(quarantine.close)
        pages = None
        if not dry_run:
            pages = stack.enter_context(PageWriter(context.folder, context.spec.options.max_batch_size))
        for chunk, columns in _chunks(context, record, fields):
            made = transformed(chunk, columns, context.spec.options.null_value_handling)
            if pages is not None:
                pages.add(made.texts())
            names |= dict.fromkeys(column.name for column in columns)
            offer.read += chunk.records
            offer.served += made.frame.height
            offer.quarantined += quarantine.add(made.bad, by="check")
            context.metrics.gauge("records_read", offer.read, about="Records read from the source")
            context.progress.update(0, "reading", records=offer.read)
            if context.stop.requested:
                return offer
        quarantine.sync()
    offer.finished, offer.fields = True, tuple(name for name in fields if name in names)
    return offer


def _chunks(context: JobContext, record: RunRecord, fields: dict[str, Field]) -> Iterator[tuple[Chunk, list[Column]]]:
    columns = columns_for(context, fields, record.begun_at)
    if record.replay and is_recovery(Path(record.replay)):
        for chunk in corrected(Path(record.replay), context.folder, list(fields)):
            yield chunk, own_columns(fields)
        return
    source = replayed(Path(record.replay), columns) if record.replay else _source(context, columns)
    for chunk in source.reader().chunks(Position()):
        yield chunk, list(source.columns[chunk.begin.file])


def _source(context: JobContext, columns: list[Column]) -> Source:
    spec = context.spec
    mapped = spec.field_mapping_ref is not None
    source = look_at(context.root, spec.source.path, spec.source.format, columns, mapped=mapped, infer=False)
    if source.ignored:
        reference = spec.field_mapping_ref
        why = f"FieldMapping/{reference} takes nothing from them" if reference else "the extension has no such fields"
        context.warn(f"{context.key}: not sent, as {why}: {', '.join(source.ignored)}")
    for file, kept in zip(source.files, source.columns, strict=True):
        if not any(column.source is not None for column in kept):
            raise SourceUnusable(
                f"{file.name} has no column that the extension has a field for",
                fix="correct the file's header, or write a FieldMapping",
            )
    return source
