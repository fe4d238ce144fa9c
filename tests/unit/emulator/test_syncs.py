"""The small parts of extension syncs."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from reconciler.emulator.columns import Column
from reconciler.emulator.syncs import owner, webhook
from reconciler.emulator.syncs.conversion import Plan, convert
from reconciler.emulator.syncs.malformed import suggest
from reconciler.emulator.syncs.progress import MAX_STATUS_BYTES, Progress, SyncFailedError, status_body
from reconciler.emulator.syncs.source import http_client
from tests.support.loopback import Reply, loopback_server

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
TYPES = st.sampled_from(["string", "number", "boolean", "date"])


@given(TYPES, st.integers(1, 5), JSON)
def test_what_is_suggested_would_be_taken(type_: str, length: int, value: Any) -> None:
    column = Column("c", type_, nullable=False, max_length=length if type_ == "string" else None)
    proposed = suggest(column, value)
    assert proposed is None or column.wrong(proposed) is None


@pytest.mark.parametrize(
    ("type_", "value", "proposed"),
    [
        ("number", "1e3", 1000),
        ("number", "nan", None),
        ("number", "-inf", None),
        ("number", True, None),
        ("boolean", 0, False),
        ("boolean", "TRUE ", True),
        ("boolean", 2, None),
        ("date", "2024-01-15T10:00:00+02:00", "2024-01-15T08:00:00.000Z"),
        ("date", 1e30, None),
        ("date", True, None),
        ("string", True, "true"),
        ("string", 1.5, "1.5"),
        ("string", [], None),
    ],
)
def test_suggestions(type_: str, value: Any, proposed: Any) -> None:
    assert suggest(Column("c", type_, nullable=True, max_length=None), value) == proposed


RECORDS = st.lists(
    st.fixed_dictionaries({}, optional={"id": st.sampled_from("abc") | st.none(), "n": st.integers(0, 3) | st.text()}),
    max_size=8,
)
STORED = st.dictionaries(st.sampled_from("abc"), st.integers(10, 12), max_size=3)


@given(RECORDS, STORED, st.integers(1, 8), st.sampled_from(["SET_NULL", "SKIP", "DEFAULT"]))
@example([{"id": "a", "n": 1}, {"id": "a"}], {}, 2, "SKIP")
def test_conversion_of_a_page_is_that_of_its_records_one_by_one(
    records: list[dict[str, Any]], stored: dict[str, int], size: int, nulls: str
) -> None:
    fields = [{"name": "id", "type": "string", "nullable": False}, {"name": "n", "type": "number", "nullable": True}]
    mappings = [{"source": name, "target": name} for name in ("id", "n")]
    plan = Plan.of(fields, {"fieldMappings": mappings, "options": {"nullValueHandling": nulls}})

    def outcome(step: int) -> tuple[dict[str, bytes], int, list[dict[str, Any]]]:
        held = {key: orjson.dumps({"id": key, "n": n}) for key, n in stored.items()}
        before, growth, accepted, errors = sum(map(len, held.values())), 0, 0, []
        for first in range(0, len(records), step):
            part = convert(
                plan, records[first : first + step], first, lambda keys: {key: held[key] for key in keys if key in held}
            )
            held.update(part.lines)
            growth += part.growth_bytes
            accepted += part.accepted
            errors += part.errors
        assert growth == sum(map(len, held.values())) - before
        assert accepted + len(errors) == len(records)
        return held, accepted, errors

    assert outcome(1) == outcome(size)


@given(st.lists(st.integers(0, 5_000), max_size=150))
def test_a_status_is_small_and_says_what_it_leaves_out(sizes: list[int]) -> None:
    progress = Progress(begun=0, fields=[], url=None, delivery="w1")
    progress.note([{"type": "MALFORMED_RECORD", "message": "x" * size} for size in sizes])
    body = status_body("sync_1_x", "x", progress)
    shown = orjson.loads(body)
    assert len(body) < MAX_STATUS_BYTES
    assert shown["errors"] == progress.errors[: len(shown["errors"])]
    assert shown["errorsTruncated"] == (len(shown["errors"]) < len(sizes))


def test_the_reason_of_a_failure_is_always_told() -> None:
    progress = Progress(begun=0, fields=[], url=None, delivery="w1")
    progress.note([{"type": "MALFORMED_RECORD"}] * 100)
    progress.fail(SyncFailedError("X", "because"))
    assert [error["type"] for error in progress.errors] == ["X"] + ["MALFORMED_RECORD"] * 99
    assert progress.errors_truncated


def test_a_receiver_may_take_30_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    assert webhook.WAIT_SECONDS == 30
    monkeypatch.setattr(webhook, "WAIT_SECONDS", 0.05)
    let_go = threading.Event()

    def handle(_: Any) -> Reply:
        let_go.wait(30)
        return Reply()

    async def main(url: str) -> dict[str, Any]:
        async with http_client() as http:
            return await webhook.send(http, webhook.Call(url, "w1", b"{}"), None, lambda: "now")

    with loopback_server(handle) as server:
        attempt = asyncio.run(main(server.url))
        let_go.set()
    assert attempt["status"] is None
    assert "Timeout" in attempt["error"]
    assert not webhook.is_acknowledged(attempt)


class TestOwner:
    """Who is at a sync is told by the process, not by time."""

    def test_in_this_process(self) -> None:
        mine = owner.new_owner()
        assert owner.is_at_work(mine)
        owner.retire(mine)
        assert not owner.is_at_work(mine)
        assert not owner.is_at_work(None)

    def test_in_another(self) -> None:
        code = "from reconciler.emulator.syncs.owner import new_owner; print(new_owner(), flush=True); input()"
        command = [sys.executable, "-c", code]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            theirs = process.stdout.readline().strip()
            assert owner.is_at_work(theirs)
            host, pid, started, token = theirs.rsplit(" ", 3)
            assert not owner.is_at_work(f"{host} {pid} {started}0 {token}"), "a later process with its number"
            assert not owner.is_at_work(f"elsewhere {pid} {started} {token}")
            process.kill()
            process.wait()
        assert not owner.is_at_work(theirs)

    def test_another_one_of_this_process(self) -> None:
        mine = owner.new_owner()
        host, pid, started, _ = mine.rsplit(" ", 3)
        assert pid == str(os.getpid())
        assert not owner.is_at_work(f"{host} {pid} {started} gone")
        owner.retire(mine)
