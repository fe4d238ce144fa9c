"""The recovery payload, and what a corrected one makes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.core.resource import Key
from reconciler.errors import SourceUnusable
from reconciler.jobs.extension_sync.recovery import corrected, find_records, is_recovery, write_recovery
from reconciler.jobs.folder import JobFolder

RECORDS: list[dict[str, Any]] = [
    {"id": "1", "name": "a", "age": 3},
    {"id": "2", "name": "b", "age": 1},
    {"id": "3", "name": "b", "age": None},
]
FIELDS = ["id", "name", "age"]


def error(record: Any, **corrections: Any) -> dict[str, Any]:
    return {"type": "MALFORMED_RECORD", "recordId": record, "message": "no", "suggestedCorrections": corrections}


@pytest.mark.parametrize(
    ("ids", "found"),
    [
        (["1", "3"], {"1": "1", "3": "3"}),
        ([1, 2], {"1": "1", "2": "2"}),
        (["b"], {}),  # two records have it
        (["a", "b"], {"a": "1"}),
        (["9", None], {}),
        ([], {}),
    ],
)
def test_records_are_found_by_what_names_exactly_one(ids: list[Any], found: dict[str, str]) -> None:
    assert {str(id_): record["id"] for id_, record in find_records(ids, iter(RECORDS), "id")} == found


def test_on_a_tie_the_field_that_tells_records_apart_counts() -> None:
    records = [{"age": 1, "id": "2"}, {"age": 2, "id": "1"}]
    assert find_records([1], records, "id")[0][1] == {"age": 2, "id": "1"}
    assert find_records([1], records, "age")[0][1] == {"age": 1, "id": "2"}


@pytest.fixture
def folder(tmp_path: Path) -> JobFolder:
    return JobFolder(tmp_path, "local", Key("ExtensionSync", "load"))


def records_in(path: Path, folder: JobFolder) -> tuple[list[dict[str, Any]], list[tuple[int, str]]]:
    (chunk,) = corrected(path, folder, FIELDS)
    assert chunk.end.row == chunk.records
    return chunk.frame.to_dicts(), [(item.row, item.reason) for item in chunk.bad]


def test_the_payload_is_the_seeds_and_records_are_kept_beside_it(folder: JobFolder) -> None:
    path = write_recovery(folder, "sync_1_x", [error("2", age=7), error("9")], iter(RECORDS), "id")
    assert json.loads(path.read_bytes()) == [
        {"recordId": "2", "corrections": {"age": 7}, "retryBatch": True},
        {"recordId": "9", "corrections": {}, "retryBatch": True},
    ]
    assert {item.stat().st_mode & 0o777 for item in path.parent.glob("recovery-*")} == {0o600}
    records, bad = records_in(path, folder)
    # An empty correction of a record that nobody has would be a record of nothing.
    assert records == [{"id": "2", "name": "b", "age": "7"}]
    assert bad == [(2, "has no record, and its corrections are empty")]


def test_a_job_id_cannot_leave_the_folder(folder: JobFolder) -> None:
    path = write_recovery(folder, "../../x", [error("2")], iter(RECORDS), "id")
    assert path.parent == folder.path


def test_a_payload_that_was_moved_elsewhere_finds_its_records(folder: JobFolder, tmp_path: Path) -> None:
    path = write_recovery(folder, "sync_1_x", [error("2", age=7)], iter(RECORDS), "id")
    newer = [{**record, "name": "newer"} for record in RECORDS]
    write_recovery(folder, "sync_2_x", [error("2")], iter(newer), "id")
    elsewhere = tmp_path / path.name
    elsewhere.write_bytes(path.read_bytes())
    assert records_in(elsewhere, folder)[0] == [{"id": "2", "name": "b", "age": "7"}]
    other = tmp_path / "mine.json"
    other.write_bytes(path.read_bytes())
    assert records_in(other, folder)[0] == [{"id": "2", "name": "newer", "age": "7"}]


@pytest.mark.parametrize(
    ("entry", "made"),
    [
        ({"record": {"id": "5"}, "corrections": None, "retryBatch": True}, {"id": "5", "name": None, "age": None}),
        ({"recordId": "5", "corrections": {"id": "5"}, "retryBatch": True}, {"id": "5", "name": None, "age": None}),
        (
            {"record": {"id": "5"}, "corrections": {"id": "6"}, "retryBatch": True},
            {"id": "6", "name": None, "age": None},
        ),
        ({"recordId": "5", "corrections": None, "retryBatch": True}, "has no record"),
        ({"recordId": "5", "corrections": "id", "retryBatch": True}, "has no record"),
        ({"record": {"id": "5"}, "corrections": "id", "retryBatch": True}, "no objects"),
        ({"record": ["5"], "corrections": {}, "retryBatch": True}, "no objects"),
        ({"record": {"id": "5"}, "corrections": {"ago": 6}, "retryBatch": True}, "'ago'"),
        ({"record": {"id": "5"}, "corrections": {}, "retryBatch": False}, "not to be sent again"),
        ({"record": {"id": "5"}, "corrections": {}}, "not to be sent again"),
        ({"record": {"id": {"a": 1}}, "corrections": {}, "retryBatch": True}, "object or array"),
        ("5", "no entry"),
    ],
)
def test_each_entry_is_a_record_or_is_set_aside(folder: JobFolder, tmp_path: Path, entry: Any, made: Any) -> None:
    path = tmp_path / "r.json"
    path.write_text(json.dumps([entry]))
    records, bad = records_in(path, folder)
    if isinstance(made, dict):
        assert (records, bad) == ([made], [])
    else:
        assert records == []
        assert [made in reason for _, reason in bad] == [True]


def test_the_form_of_a_file_tells_what_it_is(tmp_path: Path) -> None:
    payload, quarantine = tmp_path / "a", tmp_path / "b"
    payload.write_text("\ufeff \n[]")
    quarantine.write_text('{"row": 1}\n')
    assert (is_recovery(payload), is_recovery(quarantine)) == (True, False)


def test_damage_is_named(folder: JobFolder, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("[{]")
    with pytest.raises(SourceUnusable, match=r"a\.json is no JSON"):
        list(corrected(path, folder, FIELDS))
    with pytest.raises(SourceUnusable, match="cannot be read"):
        is_recovery(tmp_path / "gone")
