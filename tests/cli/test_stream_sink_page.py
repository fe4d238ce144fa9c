"""docs/jobs/stream-sink.md: its manifest is valid, its commands run, its queries answer."""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reconciler.jobs.stream_sink.embedded import EmbeddedDatabase
from tests.support.project import Project
from tests.support.sink import event

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "jobs" / "stream-sink.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def project() -> Iterator[Project]:
    """The sample project with the page's manifest in place of its own; not in pytest's folders, which are closed to PostgreSQL."""
    with tempfile.TemporaryDirectory(prefix="rec-") as name:
        root = Path(name) / "contact-centre"
        shutil.copytree(ROOT / "manifests", root, ignore=shutil.ignore_patterns(".reconciler"))
        (manifest,) = blocks("yaml")
        (root / "jobs" / "interactions.yaml").write_text(manifest, encoding="utf-8")
        yield Project(root)


def ask(project: Project, queries: list[str]) -> list[list[Any]]:
    async def work() -> list[list[Any]]:
        database = EmbeddedDatabase(project.state / "postgres", "test")
        connection = await database.open()
        try:
            return [await (await connection.execute(query)).fetchall() for query in queries]  # type: ignore[arg-type]
        finally:
            await connection.close()
            await database.aclose()

    return asyncio.run(work())


def test_what_the_page_shows(project: Project) -> None:
    project.apply()
    stream = project.entries["EventStream/interaction-events"]["id"]
    wrong = event("c") | {"type": "fax"}
    project.control("POST", f"streams/{stream}/events", {"events": [event("a"), event("b", duration=12.5), wrong]})
    commands = [line.split()[1:] for block in blocks("console") for line in block.splitlines()]
    assert len(commands) == 5
    (queries,) = blocks("sql")
    statements = [line for line in queries.splitlines() if line]
    for words in commands:
        if "--replay" in words and not (project.root / "corrected.ndjson").exists():
            counted, letters = ask(project, statements)
            assert [(row[0], row[2]) for row in counted] == [("schema", 1)]
            assert letters == [], "a numeric column takes 12.5"
            project.write("corrected.ndjson", '{"no": "event"}\n')
        project.run(*words).ok(0)
    stored, counted = ask(
        project, ["SELECT idempotency_key, duration_seconds FROM cxone_events ORDER BY 1", statements[0]]
    )
    assert [(key, None if value is None else str(value)) for key, value in stored] == [("a", None), ("b", "12.5")]
    assert sum(row[2] for row in counted) == 2


def test_the_page_speaks_of_every_figure_and_column() -> None:
    from reconciler.jobs.metrics import JobMetrics
    from reconciler.jobs.stream_sink.statements import DEAD_LETTER_COLUMNS
    from reconciler.jobs.stream_sink.table import _TAKES
    from reconciler.jobs.stream_sink.tally import Tally

    tally = Tally(JobMetrics("x"))
    tally.keep(1)
    tally.wrote(1, 1)
    tally.connected(2)
    tally.waiting(1, 1, 1.0, away=False)
    for name in tally.metrics.values:
        assert re.search(rf"`{name}(_total)?`", PAGE), name
    for name in set(DEAD_LETTER_COLUMNS) - {"reason", "received_at"}:
        assert name in PAGE
    for name in _TAKES:
        assert f"`{name}`" in PAGE
