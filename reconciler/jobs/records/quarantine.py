"""The quarantine file: every record that did not get in, one JSON object a line, with where it was, why, and itself."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import IO

from reconciler.errors import ResumeImpossible, SourceUnusable, StorageError
from reconciler.jobs.records.readers.chunk import BadRecord
from reconciler.jobs.records.readers.json_values import dumps
from reconciler.jobs.records.readers.replay_reader import holds_rejects
from reconciler.loading.private import make_private


class Quarantine:
    """Writes the file, which comes into being with its first record.

    ``keep`` is how many bytes of what is there already stay (a resumed run's); what follows was not on record and is written
    again. An earlier run's file is kept once more under ``.previous``.
    """

    def __init__(self, path: Path, *, keep: int = 0) -> None:
        self.path = path
        self.size = keep
        self.records = 0
        self._file: IO[bytes] | None = None
        try:
            if keep:
                self._cut_back(keep)
            elif path.exists():
                self._keep_earlier()
        except OSError as error:
            raise self._failed(error) from error

    def _keep_earlier(self) -> None:
        if not holds_rejects(self.path):
            raise StorageError(
                f"{self.path.name}, where rejected records are to go, is there already, and no run wrote it",
                fix="name another file in quarantine, or move this one away",
            )
        self.path.replace(_previous(self.path))

    def _cut_back(self, keep: int) -> None:
        if not self.path.exists() or self.path.stat().st_size < keep:
            raise ResumeImpossible(
                f"the quarantine file {self.path.name} lacks records that this run set aside",
                fix="put it back as it was; or run the job anew, without --resume",
            )
        os.truncate(self.path, keep)

    def add(self, records: Iterable[BadRecord], *, by: str) -> int:
        """Set records aside; ``by`` is who refused them: ``check`` or ``tenant``. Returns how many there were."""
        lines = [_line(record, by) for record in records]
        if not lines:
            return 0
        try:
            if self._file is None:
                make_private(self.path.parent)
                self._file = open(self.path, "ab", opener=_private)  # noqa: SIM115 - closed by `close`
            self.size += self._file.write(b"".join(lines))
        except OSError as error:
            raise self._failed(error) from error
        self.records += len(lines)
        return len(lines)

    def sync(self) -> None:
        """Make everything so far durable."""
        if self._file is None:
            return
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as error:
            raise self._failed(error) from error

    def close(self) -> None:
        """End the file."""
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _failed(self, error: OSError) -> StorageError:
        return StorageError(
            f"the quarantine file {self.path.name} cannot be written: {error.strerror or error}",
            fix="make room on the disk, or name another file in quarantine; then go on with --resume",
        )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _line(record: BadRecord, by: str) -> bytes:
    entry = {
        "row": record.row,
        "file": record.file,
        "column": record.column or None,
        "reason": record.reason,
        "by": by,
        "record": record.record,
    }
    if record.raw is not None:
        entry["raw"] = record.raw
    return dumps(entry) + b"\n"


def place_of(root: Path, declared: str | None, name: str, replayed: Path | None, *, dry_run: bool) -> Path:
    """Where a run's rejects go: the manifest's file or ``.reconciler/quarantine/<name>.ndjson``.

    A replay writes beside it (``…-replay``), and so does a dry run (``…-dry-run``): never into the file that is replayed, and
    nowhere whence keeping an earlier file under ``.previous`` would write over it.
    """
    path = root / (declared or f".reconciler/quarantine/{name}.ndjson")
    if replayed is None and not dry_run:
        return path
    suffix = "dry-run" if dry_run else "replay"
    path = path.with_name(f"{path.stem}-{suffix}{path.suffix}")
    while replayed is not None and replayed.resolve() in (path.resolve(), _previous(path).resolve()):
        path = path.with_name(f"{path.stem}-{suffix}{path.suffix}")
    return path


def keep_apart(root: Path, declared: str | None, name: str, source: str) -> None:
    """Raise `SourceUnusable` where a path or glob of the source takes the rejects of this run, or of others, for records."""
    places = [place_of(root, declared, name, None, dry_run=False), place_of(root, declared, name, None, dry_run=True)]
    places.append(place_of(root, declared, name, places[0], dry_run=False))
    for place in places:
        # As an absolute path, so that the pattern has to match the whole of it.
        if PurePosixPath("/", place.relative_to(root).as_posix()).match(f"/{PurePosixPath(source)}"):
            raise SourceUnusable(
                f"{source} takes {place.name}, where records are set aside, for a source",
                fix="name a file in quarantine, or a source.path, so that they are apart",
            )


def _previous(path: Path) -> Path:
    """Where an earlier run's file is kept."""
    return path.with_name(f"{path.name}.previous")
