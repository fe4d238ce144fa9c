"""The demo, as the README's first command runs it."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.cli.demo_jobs import tell_action
from reconciler.cli.demo_story import Story
from tests.support.project import Project


def test_it_runs_to_its_end_as_told(tmp_path: Path) -> None:
    ran = Project(tmp_path).process("demo", "--keep", "kept")
    assert ran.code == 0, ran.all
    assert "NOT AS TOLD" not in ran.out
    assert "Traceback" not in ran.all
    for code in ("exit 0", "exit 2", "exit 4", "exit 5", "exit 6"):
        assert code in ran.out
    for told in (
        "14 read = 8 accepted",
        "6 read = 6 accepted",
        "5 read = 3 accepted",
        "5 passed",
        "COMPLETED",
        "62 read = 60 accepted",
    ):
        assert told in ran.out
    assert (tmp_path / "kept" / "reconciler.yaml").is_file()
    kept = Project(tmp_path / "kept")
    assert kept.process("plan", "--detailed-exitcode").code == 0
    assert kept.process("doctor").code == 0
    assert Project(tmp_path).run("demo", "--keep", "kept").ok(64).out == ""


def test_without_node_the_action_is_left_out_with_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    story = Story(tmp_path)
    tell_action(story)
    assert "left out: there is no Node.js on this machine; install Node.js 18 or newer" in capsys.readouterr().out
    assert story.seen == []
    assert len(story.left_out) == 1
