"""Readers give the same records from any position that they handed out, and say what they cannot read."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import zstandard

from reconciler.errors import SourceUnusable
from reconciler.jobs.records.readers import csv_reader, json_reader, lines, ndjson_reader, parquet_reader
from reconciler.jobs.records.readers.chunk import Position, Reader
from reconciler.jobs.records.readers.csv_reader import CsvReader
from reconciler.jobs.records.readers.files import find_files
from reconciler.jobs.records.readers.json_reader import JsonReader
from reconciler.jobs.records.readers.ndjson_reader import NdjsonReader
from reconciler.jobs.records.readers.parquet_reader import ParquetReader
from tests.support.ingestion import COLUMNS, tickets, write_source

NAMES = list(COLUMNS)
MAKERS: dict[str, Callable[..., Reader]] = {
    "csv": lambda files: CsvReader(files),
    "ndjson": lambda files: NdjsonReader(files, NAMES),
    "json": lambda files: JsonReader(files, NAMES),
    "parquet": lambda files: ParquetReader(files),
}


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of a few records, so that small files have many."""
    monkeypatch.setattr(lines, "BLOCK_BYTES", 700)
    monkeypatch.setattr(json_reader, "_BLOCK", 700)
    monkeypatch.setattr(parquet_reader, "ROWS", 9)


def read(reader: Reader, start: Position = Position()) -> list[tuple[str, int, Any]]:  # noqa: B008 - immutable
    found = []
    for chunk in reader.chunks(start):
        rows = [(chunk.file, int(row), chunk.original(index)) for index, row in enumerate(chunk.rows)]
        bad = [(chunk.file, item.row, item.reason) for item in chunk.bad]
        assert chunk.records == len(rows) + len(bad)
        found += sorted([*rows, *bad], key=lambda item: item[1])
    return found


@pytest.mark.parametrize("form", list(MAKERS))
def test_every_position_is_a_place_to_go_on(tmp_path: Path, form: str) -> None:
    for number, name in enumerate(("a", "b", "empty", "c")):
        count = 0 if name == "empty" else 40
        write_source(tmp_path / f"{name}.{form}", form, tickets(count, number * 100) or [])
    if form == "parquet":
        (tmp_path / "empty.parquet").unlink()
    files = find_files(tmp_path, f"*.{form}")
    everything = read(MAKERS[form](files))
    assert len(everything) == 120
    assert [row for _, row, _ in everything[:40]] == list(range(1, 41))
    reader = MAKERS[form](files)
    chunks = list(reader.chunks(Position()))
    assert len(chunks) > 8
    assert reader.bytes_done == sum(file.size for file in files)
    seen = 0
    for chunk in chunks:
        assert read(MAKERS[form](files), chunk.begin) == everything[seen:]
        seen += chunk.records


@pytest.mark.parametrize("form", ["csv", "ndjson", "json"])
@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_compressed_files_from_any_position(tmp_path: Path, form: str, pack: Callable[[bytes], bytes]) -> None:
    plain = write_source(tmp_path / f"a.{form}", form, tickets(60))
    files = find_files(tmp_path, plain.name)
    expected = read(MAKERS[form](files))
    positions = [chunk.begin for chunk in MAKERS[form](files).chunks(Position())]
    data = plain.read_bytes()
    plain.write_bytes(pack(data[:500]) + pack(data[500:]))
    files = find_files(tmp_path, plain.name)
    for position in positions:
        assert read(MAKERS[form](files), position) == expected[position.row :]


def test_names_that_promise_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_text("a,b\n1,2\n")
    with pytest.raises(SourceUnusable, match="not compressed with gzip"):
        read(CsvReader(find_files(tmp_path, "a.csv.gz")))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is empty"),
        (b"\n1,2\n", "is empty"),
        (b"a,a\n1,2\n", "names the column 'a' twice"),
        (b"a,\n1,2\n", "without a name"),
        ("a,b\n".encode("utf-16"), "UTF-16"),
        (b"a,\xff\n", "no header"),
        (b"a,b\r1,2\r3,4\r", "carriage return"),
    ],
)
def test_headers_that_are_none(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(data)
    with pytest.raises(SourceUnusable, match=message):
        read(CsvReader(find_files(tmp_path, "a.csv")))


def test_a_header_over_two_lines_and_a_byte_order_mark(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(b'\xef\xbb\xbf"first\nname",b\r\n1,2\r\n')
    assert read(CsvReader(find_files(tmp_path, "a.csv"))) == [("a.csv", 1, {"first\nname": "1", "b": "2"})]


def test_quotes_over_block_ends(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f'{number},"line {number}\n{"x" * (number % 50)}\n"\n' for number in range(200))
    (tmp_path / "a.csv").write_text(text)
    found = read(CsvReader(find_files(tmp_path, "a.csv")))
    assert [item[2]["a"] for item in found] == [str(number) for number in range(200)]


def test_a_quote_that_is_never_closed_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "MAX_RECORD_BYTES", 2000)
    (tmp_path / "a.csv").write_text("a,b\n" + "1,2\n" * 300 + '3,"4\n' + "5,6\n" * 2000)
    reader = CsvReader(find_files(tmp_path, "a.csv"))
    with pytest.raises(SourceUnusable, match="does not end within"):
        read(reader)


def test_a_row_of_the_wrong_length_costs_only_itself(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,b\n1,2\n3\n4,5,6\n\n7,8\n")
    found = read(CsvReader(find_files(tmp_path, "a.csv")))
    assert found == [
        ("a.csv", 1, {"a": "1", "b": "2"}),
        ("a.csv", 2, "has 1 fields where the header has 2"),
        ("a.csv", 3, "has 3 fields where the header has 2"),
        ("a.csv", 4, {"a": "7", "b": "8"}),
    ]


def test_regular_blocks_take_the_quick_way(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any) -> Any:
        raise AssertionError("the thorough way")

    monkeypatch.setattr(csv_reader, "_line_by_line", never)
    monkeypatch.setattr(ndjson_reader, "_line_by_line", never)
    frame, _, _ = csv_reader.parse_block(b'1,"a, b"\r\n2,"c\nd"\r\n3,""\r\n4,\r\n', ["a", "b"], 0, "f")
    assert frame.rows() == [("1", "a, b"), ("2", "c\nd"), ("3", None), ("4", None)]
    frame, _, original, _ = ndjson_reader.parse_block(b'{"a":1.50,"b":"x"}\n{"a":null,"c":true}\n', ["a", "b"], 0, "f")
    assert frame.rows() == [("1.5", "x"), (None, None)]
    assert original(1) == {"a": None, "c": True}


@pytest.mark.parametrize("text", ["", "{}", '{"a":1}\n{"a":2}', "  nothing"])
def test_what_is_no_array(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(SourceUnusable, match="no JSON array"):
        read(JsonReader(find_files(tmp_path, "a.json"), ["a"]))


def test_strings_that_look_like_the_end_of_a_record(tmp_path: Path) -> None:
    records = [{"a": "},{" * (number % 9), "b": {"c": [{"d": "}, {"}] * (number % 5)}} for number in range(200)]
    path = write_source(tmp_path / "a.json", "json", records)
    assert [item[2] for item in read(JsonReader(find_files(tmp_path, path.name), ["a"]))] == records


def test_elements_of_an_array_that_are_no_objects(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('[{"a":1}, 2, "x", [3], null, {"a":{}}, {"a":4}]')
    found = read(JsonReader(find_files(tmp_path, "a.json"), ["a"]))
    assert [row for _, row, _ in found] == [1, 2, 3, 4, 5, 6, 7]
    assert [item[2] for item in found if isinstance(item[2], dict)] == [{"a": 1}, {"a": 4}]


def read_until_damage(path: Path) -> tuple[list[Any], str]:
    """The records of a JSON array that stand before damage, and what is said of that."""
    found: list[Any] = []
    chunks = JsonReader(find_files(path.parent, path.name), ["a"]).chunks(Position())
    try:
        for chunk in chunks:
            found += [chunk.original(index) for index in range(len(chunk.rows))]
            found += [item.record for item in chunk.bad]
    except SourceUnusable as error:
        return found, error.message
    raise AssertionError("nothing is said of the damage")


GOOD = '[{"a":"\u00e9},{"},{"a":2,"b":[{"c":"]"},{}]}'


@pytest.mark.parametrize(
    ("damage", "at", "reason"),
    [
        (',{"a" 3},{"a":4}]', 6, "expected"),
        (',{"a":3', 7, "end of data"),
        (',{"a":"b}],{', 12, "end of data"),
        (",", 1, "end of data"),
        ("", 0, "end of data"),
        (' {"a":4}]', 1, "expected"),
        ("]]", 1, "after document"),
        ("] {", 2, "after document"),
        (',{"a":"\udcff"}]', 7, "UTF-8"),
        (',{"a":nul}]', 6, ""),
    ],
)
def test_what_stands_before_damage_in_an_array_is_read(tmp_path: Path, damage: str, at: int, reason: str) -> None:
    text = GOOD.encode()
    (tmp_path / "a.json").write_bytes(text + damage.encode("utf-8", "surrogateescape"))
    found, message = read_until_damage(tmp_path / "a.json")
    assert found == [{"a": "\u00e9},{"}, {"a": 2, "b": [{"c": "]"}, {}]}]
    assert f"from byte {len(text) + at} on" in message
    assert reason in message


def test_damage_far_behind_the_beginning_costs_nothing_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_reader, "_BLOCK", 1_000_000)
    records = [{"a": number, "b": "x" * 1000} for number in range(6000)]
    text = json.dumps(records)[:-1].encode()
    for damage in (b',{"a":]' + b" " * 20_000_000, b',{"a":1'):
        (tmp_path / "a.json").write_bytes(text + damage)
        assert read_until_damage(tmp_path / "a.json")[0] == records


def test_an_array_that_ends_with_its_compression(tmp_path: Path) -> None:
    records = [{"a": number} for number in range(500)]
    whole = gzip.compress(json.dumps(records).encode(), 0)
    (tmp_path / "a.json.gz").write_bytes(whole[:3000])
    found, message = read_until_damage(tmp_path / "a.json.gz")
    assert found == records[: len(found)]
    assert len(found) > 200
    assert "cannot be read" in message


def test_what_is_no_parquet(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_text("a,b\n")
    with pytest.raises(SourceUnusable, match="Parquet"):
        read(ParquetReader(find_files(tmp_path, "a.parquet")))


def test_parquet_of_every_kind_can_be_shown_as_json(tmp_path: Path) -> None:
    from datetime import UTC, date, datetime
    from decimal import Decimal

    row = {
        "a": date(2026, 1, 2),
        "b": datetime(2026, 1, 2, tzinfo=UTC),
        "c": Decimal("1.50"),
        "d": [1],
        "e": {"f": None},
    }
    pl.DataFrame([row | {"g": float("nan"), "h": b"x"}]).write_parquet(tmp_path / "a.parquet")
    [(_, _, found)] = read(ParquetReader(find_files(tmp_path, "a.parquet")))
    assert (found["a"], found["c"], found["d"], found["e"]) == ("2026-01-02", "1.50", [1], {"f": None})
    assert (found["b"], found["g"], found["h"]) == ("2026-01-02T00:00:00+00:00", "nan", "x")


def test_globs_and_paths(tmp_path: Path) -> None:
    for name in ("b/2.csv", "a/1.csv", "a/3.txt"):
        write_source(tmp_path / name, "csv", [])
    assert [file.name for file in find_files(tmp_path, "**/*.csv")] == ["a/1.csv", "b/2.csv"]
    assert [file.name for file in find_files(tmp_path, "a/3.txt")] == ["a/3.txt"]
    for pattern in ("c/*.csv", "a", "none.csv"):
        with pytest.raises(SourceUnusable):
            find_files(tmp_path, pattern)


def test_half_a_surrogate_pair_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "s.ndjson").write_bytes(b'{"number":"\\ud800"}\n{"number":"\\ud83d\\ude00"}\n')
    first, second = read(NdjsonReader(find_files(tmp_path, "s.ndjson"), ["number"]))
    assert "is no JSON" in first[2]
    assert second[2] == {"number": "\N{GRINNING FACE}"}


def test_text_behind_a_closing_quote_is_no_line_of_csv(tmp_path: Path) -> None:
    (tmp_path / "q.csv").write_bytes(b'id,name\n1,"ab"c\n2,"a ""b"""\n3,a"b\n')
    first, *others = read(CsvReader(find_files(tmp_path, "q.csv")))
    assert first[2] == "is no line of CSV"
    assert [record["name"] for _, _, record in others] == ['a "b"', 'a"b']
