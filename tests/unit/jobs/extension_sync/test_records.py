"""Records of sync jobs: on disk before they count, and the same after a restart."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from reconciler.core.resource import Key
from reconciler.errors import StorageError
from reconciler.jobs.extension_sync.records import FILE, SyncRecords, Taken
from reconciler.jobs.extension_sync.signature import Delivery
from reconciler.jobs.extension_sync.status import SyncStatus
from reconciler.jobs.folder import JobFolder

RUNNING = SyncStatus("RUNNING", 9, 3)
DONE = SyncStatus("COMPLETED", 9, 9)
FAILED = SyncStatus("FAILED", 9, 3, errors=({"type": "MALFORMED_RECORD", "recordId": "a"},))


def folder_at(root: Path) -> JobFolder:
    return JobFolder(root, "local", Key("ExtensionSync", "load"))


def run(work: Callable[[], Awaitable[Any]]) -> Any:
    return anyio.run(work)


def delivery(number: int) -> Delivery:
    return Delivery(f"d-{number}", f"mark-{number}")


def test_a_delivery_is_on_disk_when_it_is_taken(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)

    async def work() -> None:
        records = SyncRecords.load(folder)
        await records.add("a", "x")
        changed = records.changed
        assert await records.take("a", RUNNING, delivery(1)) is Taken.CHANGED
        assert changed.is_set()
        assert not records.changed.is_set()
        again = SyncRecords.load(folder)
        assert again.state("a") == RUNNING
        # What was taken before a restart is known after it, by its id as well as by its signature.
        assert await again.take("a", DONE, delivery(1)) is Taken.DUPLICATE
        assert await again.take("a", DONE, Delivery("d-1", "other")) is Taken.DUPLICATE
        assert await again.take("a", DONE, Delivery("other", "mark-1")) is Taken.DUPLICATE
        assert again.state("a") == RUNNING
        assert await again.take("a", DONE, delivery(2)) is Taken.CHANGED
        assert await again.take("a", FAILED, delivery(3)) is Taken.IGNORED
        assert await again.take("b", FAILED, delivery(4)) is Taken.UNKNOWN

    run(work)
    found = SyncRecords.load(folder).get("a")
    assert found is not None
    assert (found.state, found.ended_by, found.settled) == (DONE, "webhook", False)
    assert (folder.path / FILE).stat().st_mode & 0o777 == 0o600


def test_a_replay_under_a_new_id_does_not_use_that_id_up(tmp_path: Path) -> None:
    async def work() -> None:
        records = SyncRecords.load(folder_at(tmp_path))
        await records.add("a", "x")
        await records.take("a", RUNNING, delivery(1))
        assert await records.take("a", RUNNING, Delivery("d-2", "mark-1")) is Taken.DUPLICATE
        assert await records.take("a", DONE, delivery(2)) is Taken.CHANGED

    run(work)


def test_what_cannot_be_kept_was_not_taken(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)

    async def work() -> None:
        records = SyncRecords.load(folder)
        await records.add("a", "x")
        (folder.path / FILE).unlink()
        (folder.path / FILE).mkdir()  # nothing replaces a folder
        with pytest.raises(StorageError):
            await records.take("a", DONE, delivery(1))
        assert records.state("a") == SyncStatus()
        (folder.path / FILE).rmdir()
        assert await records.take("a", DONE, delivery(1)) is Taken.CHANGED

    run(work)


def test_webhook_and_question_at_once_end_it_once(tmp_path: Path) -> None:
    ends: list[str] = []

    async def work() -> None:
        records = SyncRecords.load(folder_at(tmp_path))
        await records.add("a", "x")
        async with anyio.create_task_group() as group:
            for number in range(10):
                group.start_soon(records.learn, "a", FAILED if number % 2 else DONE)
                group.start_soon(records.take, "a", DONE if number % 2 else FAILED, delivery(number))
        ends.append(records.state("a").status)
        assert SyncRecords.load(folder_at(tmp_path)).state("a") == records.state("a")

    run(work)
    assert ends in (["COMPLETED"], ["FAILED"])


def test_a_settled_record_keeps_counts_and_forgets_errors(tmp_path: Path) -> None:
    async def work() -> None:
        records = SyncRecords.load(folder_at(tmp_path))
        await records.add("a", "x")
        await records.learn("a", FAILED)
        await records.settle("a")
        await records.learn("a", FAILED)
        assert records.state("a") == SyncStatus("FAILED", 9, 3)
        assert await records.take("a", DONE, delivery(1)) is Taken.IGNORED
        # A tenant that counts anew gives the id to another sync.
        await records.add("a", "x")
        assert records.state("a") == SyncStatus()
        await records.learn("a", RUNNING)
        await records.add("a", "x")
        assert records.state("a") == RUNNING

    run(work)


def test_only_so_many_are_kept(tmp_path: Path) -> None:
    async def work() -> None:
        records = SyncRecords.load(folder_at(tmp_path))
        for number in range(53):
            await records.add(f"j{number}", "x")
        assert records.get("j2") is None
        assert records.get("j3") is not None
        assert records.get("j52") is not None

    run(work)


@pytest.mark.parametrize("content", ["[]", "{}", '{"jobs": {"a": {}}, "deliveries": []}', "{"])
def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path, content: str) -> None:
    folder = folder_at(tmp_path)
    (folder.make() / FILE).write_text(content)
    with pytest.raises(StorageError, match="damaged"):
        SyncRecords.load(folder)
