"""Pages hold every record once and in order, however many there are and however they are cut."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.core.resource import Key
from reconciler.errors import ResumeImpossible
from reconciler.jobs.extension_sync import pages as module
from reconciler.jobs.extension_sync.pages import INDEX, PAGES, Pages, PageWriter, drop_pages
from reconciler.jobs.folder import JobFolder


def folder_at(root: str | Path) -> JobFolder:
    return JobFolder(Path(root), "local", Key("ExtensionSync", "load"))


async def read(pages: Pages) -> list[list[Any]]:
    return [orjson.loads(b"".join([part async for part in pages.parts(number)])) for number in range(len(pages))]


@given(st.lists(st.lists(st.dictionaries(st.text(max_size=3), st.text(max_size=20)), max_size=7)), st.integers(1, 5))
def test_pages_give_back_what_was_written(batches: list[list[dict[str, str]]], size: int) -> None:
    with tempfile.TemporaryDirectory() as root:
        folder = folder_at(root)
        with PageWriter(folder, size) as writer:
            for batch in batches:
                writer.add(map(orjson.dumps, batch))
        pages = Pages(folder)
        records = [record for batch in batches for record in batch]
        found = anyio.run(read, pages)
        assert [record for page in found for record in page] == records
        assert list(pages.records()) == records
        assert [len(page) for page in found[:-1]] == [size] * (len(found) - 1)
        assert len(found) == max(1, -(-len(records) // size))
        assert writer.records == len(records)
        assert (folder.path / PAGES).stat().st_mode & 0o777 == 0o600


def test_a_page_is_closed_by_its_size_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PAGE_BYTES", 100)
    folder = folder_at(tmp_path)
    with PageWriter(folder, 5000) as writer:
        writer.add(orjson.dumps({"n": "x" * 60}) for _ in range(6))
    assert [len(page) for page in anyio.run(read, Pages(folder))] == [2, 2, 2]


def test_pages_that_are_not_whole_are_none(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    with pytest.raises(ResumeImpossible):
        Pages(folder)
    with PageWriter(folder, 2) as writer:
        writer.add([b"{}"] * 5)
    whole = (folder.path / PAGES).read_bytes()
    (folder.path / PAGES).write_bytes(whole[:-1])
    with pytest.raises(ResumeImpossible):
        Pages(folder)
    (folder.path / PAGES).write_bytes(whole)
    assert len(Pages(folder)) == 3
    (folder.path / INDEX).write_bytes((folder.path / INDEX).read_bytes()[:-3])
    with pytest.raises(ResumeImpossible):
        Pages(folder)
    drop_pages(folder)
    assert not list(folder.path.glob("pages*"))
