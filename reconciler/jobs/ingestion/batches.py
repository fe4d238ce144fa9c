"""Batches: the bodies of requests, made from columns; and which batch must wait for which, so that order is kept per key."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

import orjson

from reconciler.jobs.ingestion.prepare import Prepared

if TYPE_CHECKING:
    import polars as pl

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""Bytes of a request's records, beyond which a batch gets fewer records than ``batchSize``."""

_ESCAPED: Final = 6
"""Bytes that a byte of text takes in JSON at most (``\\u0001``)."""

_SCALAR_BYTES: Final = 32
"""Bytes that a number, a boolean or null takes at most."""

WINDOW: Final = 64
"""How far the newest batch in flight may be ahead of the oldest: bounds what waits to be written down in order."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Some records of a chunk, with the request's body and its SHA-256 (hex). ``after`` shares a key with it, -1 for none."""

    number: int
    prepared: Prepared
    begin: int
    size: int
    body: bytes
    digest: str
    after: int = -1

    def lines(self) -> list[bytes]:
        """The JSON of each record, exactly as it stands in the body."""
        return [text.encode() for text in json_texts(self.prepared.frame.slice(self.begin, self.size))]


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands around the records of a request (contract: Operations)."""

    mode: str
    keys: Sequence[str]
    inference: Mapping[str, Any]

    def body(self, records: bytes) -> bytes:
        """The request's body; ``records`` are JSON objects with commas between them."""
        return self.around(b'{"records":[%b]}' % records)

    def around(self, records: bytes) -> bytes:
        """The request's body; ``records`` is a JSON object with nothing but them."""
        rest = {
            "deduplicationStrategy": {"mode": self.mode, "keys": list(self.keys)},
            "schemaInference": dict(self.inference),
        }
        return b"".join((memoryview(records)[:-1], b",", orjson.dumps(rest)[1:]))


def json_texts(frame: pl.DataFrame) -> pl.Series:
    """Each record as one JSON object."""
    import polars as pl

    return frame.select(pl.struct(pl.all()).struct.json_encode()).to_series()


def bounds(lengths: pl.Series, size: int, most_bytes: int) -> list[tuple[int, int]]:
    """Where batches begin and end: at most ``size`` records and, where more than one, at most ``most_bytes``."""
    found = []
    begin, count = 0, len(lengths)
    while begin < count:
        end = min(begin + size, count)
        while end - begin > 1 and int(lengths.slice(begin, end - begin).sum()) > most_bytes:
            end = begin + (end - begin) // 2
        found.append((begin, end))
        begin = end
    return found


def batch_of_each(first: int, limits: Sequence[tuple[int, int]]) -> pl.Series:
    """For each record the number of its batch."""
    import polars as pl

    sizes = pl.DataFrame(
        {
            "batch": pl.int_range(first, first + len(limits), dtype=pl.Int64, eager=True),
            "size": pl.Series([end - begin for begin, end in limits], dtype=pl.UInt32),
        }
    )
    return sizes.select(pl.col("batch").repeat_by("size").explode()).to_series()


class KeyOrder:
    """Remembers the keys of the latest batches, to say which of them a new one has to wait for.

    Keys are told apart by a hash: two different ones with the same hash cost a wait, never a record. Where a source is in
    order of its key, every key is beyond all before it, and no hashes are compared.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = list(keys)
        self._recent: pl.DataFrame | None = None
        self._greatest: Any = None

    def waits(self, frame: pl.DataFrame, first: int, limits: Sequence[tuple[int, int]]) -> list[int]:
        """For each batch of a chunk (numbered from ``first``) the latest earlier one that shares a key with it, or -1."""
        import polars as pl

        numbers = batch_of_each(first, limits)
        keys = frame.select(_alike(frame[name]) for name in self._keys)
        seen = pl.DataFrame({"key": keys.hash_rows(), "batch": numbers})
        if self._recent is not None:
            seen = pl.concat([self._recent, seen])
        self._recent = seen.filter(pl.col("batch") >= first + len(limits) - 2 * WINDOW)
        waits = [-1] * len(limits)
        if self._beyond(keys) or seen["key"].n_unique() == seen.height:
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

    def _beyond(self, keys: pl.DataFrame) -> bool:
        """Whether each of these keys is greater than the one before it, and the first than all that ever were."""
        if keys.width != 1:
            return False
        column = keys.to_series()
        before, self._greatest = self._greatest, _greater(self._greatest, column.max())
        if column.null_count() or (before is not None and not column[0] > before):
            return False
        return bool((column > column.shift(1)).all())


def _alike(column: pl.Series) -> pl.Series:
    """A key column in which the same number is the same value, whether or not fractions occur beside it."""
    import polars as pl

    return column.cast(pl.Float64) if column.dtype.is_numeric() else column


def _greater(one: Any, other: Any) -> Any:
    return other if one is None or (other is not None and other > one) else one


def make_batches(
    prepared: Prepared,
    first: int,
    size: int,
    envelope: Envelope,
    order: KeyOrder | None,
    most_bytes: int = MAX_BODY_BYTES,
) -> list[Batch]:
    """Cut a chunk into batches numbered from ``first``; ``order`` is None where no key occurs twice.

    A batch holds ``size`` records, fewer where they are more than ``most_bytes`` together.
    """
    frame = prepared.frame
    if not frame.height:
        return []
    limits = _limits(frame, size, most_bytes)
    waits = order.waits(frame, first, limits) if order is not None else [-1] * len(limits)
    made = []
    for number, ((begin, end), records) in enumerate(zip(limits, _records(frame, limits), strict=True), first):
        body = envelope.around(records)
        digest = hashlib.sha256(body).hexdigest()
        made.append(Batch(number, prepared, begin, end - begin, body, digest, waits[number - first]))
    return made


def _limits(frame: pl.DataFrame, size: int, most_bytes: int) -> list[tuple[int, int]]:
    """The bounds of a chunk's batches. Records are measured one by one only where they could be too large for full batches."""
    if size * _longest(frame) <= most_bytes:
        return [(begin, min(begin + size, frame.height)) for begin in range(0, frame.height, size)]
    return bounds(json_texts(frame).str.len_bytes(), size, most_bytes)


def _longest(frame: pl.DataFrame) -> int:
    """Bytes that no record's JSON exceeds, whatever has to be escaped in it."""
    import polars as pl

    total = 2
    for column in frame:
        longest = column.str.len_bytes().max() if column.dtype == pl.String else _SCALAR_BYTES
        total += _ESCAPED * (len(column.name.encode()) + int(str(longest or 0))) + len('"":"",')
    return total


def _records(frame: pl.DataFrame, limits: Sequence[tuple[int, int]]) -> Iterator[bytes]:
    """``{"records":[…]}`` of each batch; those of the same size are written in one go."""
    import polars as pl

    records = frame.select(records=pl.struct(pl.all())).to_series()
    for size, run in groupby(limits, lambda limit: limit[1] - limit[0]):
        of_run = list(run)
        each = records.slice(of_run[0][0], size * len(of_run)).reshape((len(of_run), size)).to_frame()
        yield from each.select(pl.struct("records").struct.json_encode().cast(pl.Binary)).to_series().to_list()
