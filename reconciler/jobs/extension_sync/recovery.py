"""Records that the tenant found malformed: the recovery payload, and sending what somebody corrected in it.

The payload is a JSON array of ``{recordId, corrections, retryBatch: true}``. The records themselves, as they were offered, are
kept beside it, so that corrections need only name what changes; an entry may also bring a ``record`` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import orjson

from reconciler.errors import SourceUnusable, StorageError
from reconciler.jobs.folder import JobFolder, replace_file
from reconciler.jobs.records.readers.chunk import BadRecord, Chunk, Position
from reconciler.jobs.records.readers.json_values import dumps, loads
from reconciler.jobs.records.readers.records import to_columns

_RECORDS: Final = ".records.ndjson"
_MAX_BYTES: Final = 64 * 1024 * 1024


def payload(malformed: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """What is to be corrected, one entry an error (seed 000, step 3)."""
    return [
        {"recordId": error.get("recordId"), "corrections": error.get("suggestedCorrections"), "retryBatch": True}
        for error in malformed
    ]


def write_recovery(
    folder: JobFolder, job: str, malformed: Sequence[Mapping[str, Any]], offered: Iterable[dict[str, Any]], first: str
) -> Path:
    """Write the payload of a sync job and, beside it, those of the ``offered`` records that it is about.

    ``first`` is the field that tells records apart most likely. Raises `StorageError`.
    """
    entries = payload(malformed)
    stem = "recovery-" + re.sub(r"[^A-Za-z0-9_-]", "-", job)[:120]
    path = folder.make() / f"{stem}.json"
    found = find_records([entry["recordId"] for entry in entries], offered, first)
    lines = [orjson.dumps({"recordId": id_, "record": record}) + b"\n" for id_, record in found]
    replace_file(folder.path / f"{stem}{_RECORDS}", b"".join(lines))
    replace_file(path, orjson.dumps(entries, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def find_records(ids: Sequence[Any], records: Iterable[dict[str, Any]], first: str) -> list[tuple[Any, dict[str, Any]]]:
    """The record of each id that names exactly one, by the value of the field that names most of them; ``first`` on a tie."""
    wanted = {_text(id_): id_ for id_ in ids if id_ is not None}
    by_field: dict[str, dict[str, list[dict[str, Any]]]] = {}
    for record in records:
        for name, value in record.items():
            if value is not None and (text := _text(value)) in wanted:
                same = by_field.setdefault(name, {}).setdefault(text, [])
                if len(same) < 2:
                    same.append(record)
    best: dict[str, dict[str, Any]] = {}
    for name in sorted(by_field, key=lambda name: name != first):
        unique = {text: found[0] for text, found in by_field[name].items() if len(found) == 1}
        if len(unique) > len(best):
            best = unique
    return [(wanted[text], record) for text, record in best.items()]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else dumps(value).decode()


def is_recovery(path: Path) -> bool:
    """Whether a file is a recovery payload rather than a quarantine file. Raises `SourceUnusable` where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip().startswith(b"[")
    except OSError as error:
        raise SourceUnusable(f"{path.name} cannot be read: {error.strerror}") from error


def corrected(path: Path, folder: JobFolder, fields: Sequence[str]) -> Iterator[Chunk]:
    """The corrected records of a recovery payload, in the extension's own fields: one chunk, as its errors were bounded.

    An entry without ``retryBatch: true`` is left out, which is how somebody says that a record is given up; it is counted as set
    aside. Raises `SourceUnusable`.
    """
    import polars as pl

    kept = _kept_records(folder, path)
    records: list[Any] = []
    rows: list[int] = []
    bad: list[BadRecord] = []
    for row, entry in enumerate(_entries(path), 1):
        record, reason = _corrected(entry, kept, fields)
        if reason:
            bad.append(BadRecord(row, reason, record=entry, file=path.name))
        else:
            records.append(record)
            rows.append(row)
    frame, places, wrong = to_columns(records, rows, fields, path.name)
    yield Chunk(
        path.name,
        Position(),
        Position(0, path.stat().st_size, len(records) + len(bad)),
        frame,
        pl.Series([rows[place] for place in places], dtype=pl.UInt64),
        lambda index: records[places[index]],
        [*bad, *wrong],
    )


def _entries(path: Path) -> list[Any]:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise SourceUnusable(f"{path.name} is larger than {_MAX_BYTES // 2**20} MB, which no recovery payload is")
        entries = loads(path.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    except OSError as error:
        raise SourceUnusable(f"{path.name} cannot be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise SourceUnusable(f"{path.name} is no JSON: {error}", fix="correct it; it is one JSON array") from error
    return list(entries)


def _kept_records(folder: JobFolder, path: Path) -> dict[str, dict[str, Any]]:
    """The records of all recovery payloads of this job, those of this very one last, so that they count."""
    own = folder.path / f"{path.stem}{_RECORDS}"
    found: dict[str, dict[str, Any]] = {}
    try:
        for file in sorted(
            folder.path.glob(f"recovery-*{_RECORDS}"), key=lambda item: (item == own, item.stat().st_mtime)
        ):
            for line in file.read_bytes().splitlines():
                item = orjson.loads(line)
                found[_text(item["recordId"])] = item["record"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise StorageError(f"the records kept for recovery in {folder.path} are damaged: {error}") from error
    return found


def _corrected(entry: Any, kept: Mapping[str, dict[str, Any]], fields: Sequence[str]) -> tuple[dict[str, Any], str]:
    """One corrected record, or why there is none."""
    if not isinstance(entry, dict):
        return {}, "is no entry of a recovery payload"
    if entry.get("retryBatch") is not True:
        return {}, "is not to be sent again: retryBatch is not true"
    record, corrections = entry.get("record"), entry.get("corrections")
    if record is None and entry.get("recordId") is not None:
        record = kept.get(_text(entry["recordId"]))
    if record is None and not isinstance(corrections, dict):
        return {}, "has no record, and no corrections that could be one"
    if record is None and not corrections:
        return {}, "has no record, and its corrections are empty"
    if not isinstance(record or {}, dict) or not isinstance(corrections or {}, dict):
        return {}, "its record and corrections are no objects"
    made = {**(record or {}), **(corrections or {})}
    unknown = [name for name in made if name not in fields]
    return made, f"names {unknown[0]!r}, which the extension does not have" if unknown else ""
