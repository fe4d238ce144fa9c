"""Batches: the bodies of requests, made from columns; and which batch must wait for which, so that order is kept per key."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.jobs.ingestion.prepare import Prepared

if TYPE_CHECKING:
    import polars as pl

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a request's records, beyond which a batch gets fewer records than ``batchSize``."""

WINDOW: Final = 64
"""How far the newest batch in flight may be ahead of the oldest: bounds what waits to be written down in order."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a chunk, as JSON texts. ``after`` is the batch with which it shares a key, -1 for none."""

    number: int
    prepared: Prepared
    begin: int
    lines: Sequence[bytes]
    after: int = -1

    @property
    def size(self) -> int:
        """How many records it has."""
        return len(self.lines)


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around the records of a request (contract: Operations)."""

    mode: str
    keys: Sequence[str]
    inference: Mapping[str, Any]

    def body(self, lines: Sequence[bytes]) -> bytes:
        """The request's body: the same bytes for the same records."""
        rest = {
            "deduplicationStrategy": {"mode": self.mode, "keys": list(self.keys)},
            "schemaInference": dict(self.inference),
        }
        return b'{"records":[' + b",".join(lines) + b"]," + orjson.dumps(rest)[1:]


def json_lines(frame: pl.DataFrame) -> list[bytes]:
    """Each record as one JSON object."""
    if not frame.height:
        return []
    out = io.BytesIO()
    frame.write_ndjson(out)
    lines = out.getvalue().split(b"\n")
    lines.pop()
    return lines


def bounds(lines: Sequence[bytes], size: int, most_bytes: int = MAX_BODY_BYTES) -> list[tuple[int, int]]:
    """Where batches begin and end: at most ``size`` records and, where more than one, at most ``most_bytes``."""
    found = []
    begin = 0
    while begin < len(lines):
        end = min(begin + size, len(lines))
        while end - begin > 1 and sum(map(len, lines[begin:end])) > most_bytes:
            end = begin + (end - begin) // 2
        found.append((begin, end))
        begin = end
    return found


class KeyOrder:
    """Remembers the keys of the latest batches, to say which of them a new one has to wait for.

    Keys are told apart by a hash: two different ones with the same hash cost a wait, never a record.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        self._recent: pl.DataFrame | None = None

    def waits(self, frame: pl.DataFrame, first: int, limits: Sequence[tuple[int, int]]) -> list[int]:
        """For each batch of a chunk (numbered from ``first``) the latest earlier one that shares a key with it, or -1."""
        import polars as pl

        sizes = pl.DataFrame(
            {
                "batch": pl.int_range(first, first + len(limits), dtype=pl.Int64, eager=True),
                "size": pl.Series([end - begin for begin, end in limits], dtype=pl.UInt32),
            }
        )
        numbers = sizes.select(pl.col("batch").repeat_by("size").explode()).to_series()
        seen = pl.DataFrame({"key": frame.select(self._keys).hash_rows(), "batch": numbers})
        if self._recent is not None:
            seen = pl.concat([self._recent, seen])
        self._recent = seen.filter(pl.col("batch") >= first + len(limits) - WINDOW)
        waits = [-1] * len(limits)
        if seen["key"].n_unique() == seen.height:
            return waits
        shared = (
            seen.with_columns(before=pl.col("batch").shift(1).over("key"))
            .filter((pl.col("batch") >= first) & (pl.col("before") < pl.col("batch")))
            .group_by("batch")
            .agg(pl.col("before").max())
        )
        for number, before in shared.iter_rows():
            waits[number - first] = before
        return waits


def make_batches(prepared: Prepared, first: int, size: int, order: KeyOrder | None) -> list[Batch]:
    """Cut a chunk into batches numbered from ``first``; ``order`` is None where no key occurs twice."""
    lines = json_lines(prepared.frame)
    limits = bounds(lines, size)
    waits = order.waits(prepared.frame, first, limits) if order is not None and limits else [-1] * len(limits)
    return [
        Batch(first + index, prepared, begin, lines[begin:end], waits[index])
        for index, (begin, end) in enumerate(limits)
    ]
