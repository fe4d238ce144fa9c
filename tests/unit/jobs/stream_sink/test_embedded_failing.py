"""An embedded PostgreSQL that cannot be made: why, in one line, and all that was said in its log."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from reconciler.errors import DatabaseUnusable
from reconciler.jobs.stream_sink import embedded
from reconciler.jobs.stream_sink.embedded import EmbeddedDatabase


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (
            "creating ...\ninitdb: error: no room\ninitdb: error: failed to remove data directory",
            "initdb: error: no room",
        ),
        ("creating ...\nkilled", "killed"),
        ("", "it ended with 3"),
    ],
)
def test_it_says_why_it_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, reason: str) -> None:
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "initdb").write_text(f"#!/bin/sh\nprintf '%s' '{said}'\nexit 3\n")
    (programs / "initdb").chmod(0o755)
    monkeypatch.setattr(embedded, "_programs", lambda: programs)
    folder = tmp_path / "project" / ".reconciler" / "local" / "postgres"
    with pytest.raises(DatabaseUnusable) as found:
        anyio.run(EmbeddedDatabase(folder, "a test").open)
    assert found.value.message == f"the embedded PostgreSQL does not start (initdb: {reason})"
    assert found.value.fix == f"see {folder / 'log'}"
    assert (folder / "log").read_text() == f"initdb:\n{said}\n"
    assert (folder / "log").stat().st_uid == folder.stat().st_uid
    assert not (folder / "data").exists()
