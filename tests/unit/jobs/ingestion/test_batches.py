"""Batches: their bodies, their limits, and which of them waits for which."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from reconciler.jobs.ingestion.batches import Envelope, KeyOrder, bounds, make_batches
from reconciler.jobs.ingestion.duplicates import KeyCollector
from reconciler.jobs.ingestion.prepare import Prepared
from reconciler.jobs.records.readers.chunk import Chunk, Position

ENVELOPE = Envelope("upsert", ["id"], {"enabled": False, "strictMode": True})


def prepared(keys: list[str | None], start: int = 0, file: int = 0) -> Prepared:
    """A chunk whose records are all right; ``start`` records of its file come before."""
    frame = pl.DataFrame(
        {"id": pl.Series(keys, dtype=pl.String), "age": pl.Series([1.5] * len(keys), dtype=pl.Float64)}
    )
    rows = pl.int_range(start + 1, start + 1 + len(keys), dtype=pl.UInt64, eager=True)
    end = Position(file, 0, start + len(keys))
    chunk = Chunk("f", Position(file, 0, start), end, frame, rows, lambda index: frame.row(index, named=True))
    return Prepared(chunk, frame, pl.int_range(len(keys), dtype=pl.UInt32, eager=True), [])


def test_a_body_is_what_the_contract_says_and_its_parts_are_the_same_bytes() -> None:
    keys: list[str | None] = ['a"\\\n', "é😀", None, "d", "e"]
    batches = make_batches(prepared(keys), 7, 2, ENVELOPE, None)
    assert [(batch.number, batch.begin, batch.size) for batch in batches] == [(7, 0, 2), (8, 2, 2), (9, 4, 1)]
    bodies = [json.loads(batch.body) for batch in batches]
    assert [record["id"] for body in bodies for record in body["records"]] == keys
    assert bodies[0]["deduplicationStrategy"] == {"mode": "upsert", "keys": ["id"]}
    assert bodies[0]["schemaInference"] == {"enabled": False, "strictMode": True}
    for batch in batches:
        assert ENVELOPE.body(b",".join(batch.lines())) == batch.body
    again = make_batches(prepared(keys), 7, 2, ENVELOPE, None)
    assert [batch.body for batch in again] == [batch.body for batch in batches]


TEXTS = (
    st.none() | st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(["", "\x00", "\x1f\x7f", '\\"/'])
)
WHOLE = st.none() | st.integers(-(2**53) + 1, 2**53 - 1)
FRACTIONS = st.none() | st.floats(allow_nan=False, allow_infinity=False)


@given(
    st.lists(st.tuples(TEXTS, WHOLE, FRACTIONS, st.none() | st.booleans()), max_size=30),
    TEXTS.filter(lambda name: name not in (None, "whole", "fraction", "flag")),
    st.integers(1, 8),
    st.integers(1, 2000),
)
def test_batches_are_the_records_one_by_one(rows: list[tuple[Any, ...]], name: str, size: int, most_bytes: int) -> None:
    """However many records are written in one go: what is sent is what each of them alone is, with commas between."""
    types = {name: pl.String, "whole": pl.Int64, "fraction": pl.Float64, "flag": pl.Boolean}
    frame = pl.DataFrame(rows, schema=types, orient="row")
    chunk = Chunk("f", Position(), Position(0, 0, len(rows)), frame, pl.Series(), lambda index: index)
    item = Prepared(chunk, frame, pl.int_range(len(rows), dtype=pl.UInt32, eager=True), [])
    batches = make_batches(item, 3, size, ENVELOPE, None, most_bytes)
    each = [frame.slice(index, 1).select(pl.struct(pl.all()).struct.json_encode()).item() for index in range(len(rows))]
    assert [json.loads(text) for text in each] == frame.to_dicts()
    expected = bounds(pl.Series([len(text.encode()) for text in each], dtype=pl.UInt32), size, most_bytes)
    assert [(batch.begin, batch.begin + batch.size) for batch in batches] == expected
    for batch in batches:
        records = ",".join(each[batch.begin : batch.begin + batch.size])
        assert batch.body == ENVELOPE.body(records.encode())
        assert batch.digest == hashlib.sha256(batch.body).hexdigest()


@given(st.lists(st.integers(1, 50), max_size=40), st.integers(1, 10), st.integers(1, 200))
def test_limits_are_kept_and_nothing_is_left_out(lengths: list[int], size: int, most: int) -> None:
    found = bounds(pl.Series(lengths, dtype=pl.UInt32), size, most)
    assert [index for begin, end in found for index in range(begin, end)] == list(range(len(lengths)))
    for begin, end in found:
        assert 0 < end - begin <= size
        assert end - begin == 1 or sum(lengths[begin:end]) <= most


@given(st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=12), min_size=1, max_size=6), st.integers(1, 5))
def test_a_batch_waits_for_the_latest_that_shares_a_key(chunks: list[list[str]], size: int) -> None:
    order = KeyOrder(["id"])
    last: dict[str, int] = {}
    number = 0
    for keys in chunks:
        for batch in make_batches(prepared(list(keys)), number, size, ENVELOPE, order):
            mine = set(keys[batch.begin : batch.begin + batch.size])
            assert batch.after == max((last.get(key, -1) for key in mine), default=-1)
            last |= dict.fromkeys(mine, batch.number)
            number = batch.number + 1


@given(st.lists(st.lists(st.sampled_from([None, "1", "2", "3", "10", "é", "😀"]), max_size=4), min_size=1, max_size=8))
def test_keys_in_order_are_no_exception(chunks: list[list[str | None]]) -> None:
    """Chunks in which keys only grow, and those in which they do not, in any order: what shares a key waits."""
    order = KeyOrder(["id"])
    last: dict[str | None, int] = {}
    for number, keys in enumerate(filter(None, (sorted(keys, key=str) for keys in chunks))):
        [batch] = make_batches(prepared(list(keys)), number, 10, ENVELOPE, order)
        assert batch.after == max((last.get(key, -1) for key in keys), default=-1)
        last |= dict.fromkeys(keys, number)


def test_a_number_is_the_same_key_with_and_without_fractions_beside_it() -> None:
    order = KeyOrder(["id"])
    whole, fractions = pl.DataFrame({"id": [7, 5]}), pl.DataFrame({"id": [0.5, 5.0]})
    assert order.waits(whole, 0, [(0, 1), (1, 2)]) == [-1, -1]
    assert order.waits(fractions, 2, [(0, 1), (1, 2)]) == [-1, 1]


@given(
    st.lists(st.tuples(st.booleans(), st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=9)), max_size=8)
)
def test_duplicates_are_those_that_a_set_would_find(chunks: list[tuple[bool, list[str | None]]]) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        made = []
        file, start = 0, 0
        for new_file, keys in chunks:
            if new_file:
                file, start = file + 1, 0
            made.append(prepared(keys, start, file))
            start += len(keys)
        collector = KeyCollector(Path(folder) / "keys", ["id"])
        for item in made:
            collector.add(item)
        duplicates = collector.finish()
        seen: dict[str, tuple[int, int]] = {}
        for item in made:
            expected = []
            for index, key in enumerate(item.frame["id"]):
                here = (item.chunk.end.file, int(item.chunk.rows[index]))
                if key is not None and seen.setdefault(key, here) != here:
                    expected.append((index, *seen[key]))
            first, again = duplicates.split(item)
            assert again == expected
            assert [index for index, stands in enumerate(first) if not stands] == [index for index, _, _ in expected]
