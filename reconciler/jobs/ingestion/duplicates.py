"""Records whose key was there before in the same run, found exactly and in bounded memory.

The source is read once beforehand. Keys go to the disk, scattered over partitions by a hash, so that equal ones meet; each
partition is small enough to be compared in memory, key by key as they are written, so that no collision of hashes can pass for a
duplicate. What is found is kept in order of the records, for the reading that sends them.
"""

from __future__ import annotations

import bisect
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from reconciler.jobs.ingestion.prepare import Prepared

if TYPE_CHECKING:
    import polars as pl

PARTITIONS: Final = 64
"""Into how many parts keys are scattered."""

FLUSH_BYTES: Final = 16 * 1024 * 1024
"""Bytes of keys that are held in memory before they are written."""

BUCKET: Final = 1_000_000
"""Records whose duplicates are looked up together."""


class KeyCollector:
    """The first reading: takes the keys of all records that are right, and finds those that come again."""

    def __init__(self, folder: Path, keys: Sequence[str]) -> None:
        self._folder = folder
        self._keys = list(keys)
        self._held: list[pl.DataFrame] = []
        self._bytes = 0
        self._flushed: list[list[int]] = []
        self._bases: list[int] = [0]
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, mode=0o700)

    def add(self, prepared: Prepared) -> None:
        """Take a chunk's keys; chunks come in the order of the source."""
        position = prepared.chunk.end
        while len(self._bases) <= position.file + 1:
            self._bases.append(self._bases[-1])
        base = self._bases[position.file]
        self._bases[position.file + 1] = base + position.row
        frame = prepared.frame.select(_as_text(name, prepared.frame[name].dtype) for name in self._keys)
        rows = prepared.chunk.rows.gather(prepared.places) + base
        # A key with a null in it is like no other (contract: a null is no duplicate of anything).
        frame = frame.with_columns(row=rows).drop_nulls()
        self._held.append(frame)
        self._bytes += int(frame.estimated_size())
        if self._bytes > FLUSH_BYTES:
            self._flush()

    def _flush(self) -> None:
        import polars as pl

        frame = pl.concat(self._held)
        parts = (frame.select(self._keys).hash_rows() % PARTITIONS).cast(pl.UInt32)
        frame = frame.with_columns(part=parts).sort("part", maintain_order=True)
        ends = (
            frame["part"]
            .search_sorted(pl.int_range(PARTITIONS + 1, dtype=pl.UInt32, eager=True), side="left")
            .to_list()
        )
        frame.drop("part").write_ipc(self._folder / f"keys-{len(self._flushed):06}.arrow", compression="uncompressed")
        self._flushed.append(ends)
        self._held, self._bytes = [], 0

    def finish(self) -> Duplicates:
        """Compare what was taken."""
        if self._held:
            self._flush()
        for part in range(PARTITIONS):
            self._compare(part)
        for file in self._folder.glob("keys-*.arrow"):
            file.unlink()
        return Duplicates(self._folder, self._bases)

    def _compare(self, part: int) -> None:
        """Go through one partition in the source's order, keeping the first record of each key."""
        import polars as pl

        seen: pl.DataFrame | None = None
        for number, ends in enumerate(self._flushed):
            begin, end = ends[part], ends[part + 1]
            if begin == end:
                continue
            scan = pl.scan_ipc(self._folder / f"keys-{number:06}.arrow")
            frame = scan.slice(begin, end - begin).collect()
            together = frame if seen is None else pl.concat([seen, frame])
            firsts = together.with_columns(first=pl.col("row").min().over(self._keys))
            again = firsts.filter(pl.col("first") != pl.col("row")).select("row", "first")
            seen = together.unique(self._keys, keep="first", maintain_order=True)
            for (bucket,), found in (
                again.with_columns(bucket=pl.col("row") // BUCKET).partition_by("bucket", as_dict=True).items()
            ):
                found.drop("bucket").write_ipc(self._folder / f"again-{bucket:08}-{part:02}-{number:06}.arrow")


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A key column as text: whole numbers alike, whether or not fractions occur beside them."""
    import polars as pl

    column = pl.col(name)
    return column.cast(pl.Float64).cast(pl.String) if dtype.is_numeric() else column.cast(pl.String)


class Duplicates:
    """Which records have a key that an earlier one has; asked in the order of the source."""

    def __init__(self, folder: Path, bases: Sequence[int]) -> None:
        self._folder = folder
        self._bases = bases
        self._bucket = -1
        self._known: pl.DataFrame | None = None

    def split(self, prepared: Prepared) -> tuple[pl.Series, list[tuple[int, int, int]]]:
        """The good records of a chunk: (which of them come first, for each other one its index and its first's file and row)."""
        import polars as pl

        base = self._bases[prepared.chunk.end.file]
        rows = (prepared.chunk.rows.gather(prepared.places) + base).cast(pl.UInt64)
        places = pl.DataFrame({"row": rows}).with_row_index("place")
        again = [places.join(known, on="row", how="inner") for known in self._of(rows)]
        if not again:
            return pl.repeat(True, len(rows), eager=True), []
        found = pl.concat(again).sort("place")
        first = ~places["place"].is_in(found["place"].implode())
        pairs = zip(found["place"].to_list(), found["first"].to_list(), strict=True)
        return first, [(int(place), *self._place(int(row))) for place, row in pairs]

    def _of(self, rows: pl.Series) -> list[pl.DataFrame]:
        """What is known of the range of records that these are from."""
        if not len(rows):
            return []
        wanted = range(int(rows[0]) // BUCKET, int(rows[-1]) // BUCKET + 1)
        return [frame for bucket in wanted if (frame := self._load(bucket)) is not None]

    def _load(self, bucket: int) -> pl.DataFrame | None:
        import polars as pl

        if bucket != self._bucket:
            files = sorted(self._folder.glob(f"again-{bucket:08}-*.arrow"))
            frames = [pl.read_ipc(file) for file in files]
            self._known = pl.concat(frames) if frames else None
            self._bucket = bucket
        return self._known

    def _place(self, row: int) -> tuple[int, int]:
        """The number of the file and the row in it of a record that is counted over the whole source."""
        file = bisect.bisect_left(self._bases, row) - 1
        return file, row - self._bases[file]
