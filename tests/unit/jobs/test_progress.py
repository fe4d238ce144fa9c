"""Progress of a job: a bar with the rate of records on a terminal, and lines that go past it unharmed."""

from __future__ import annotations

import io
import sys
import time

import pytest

from reconciler.jobs.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, *, quiet: bool = False, total: float | None = 10) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress("Ingestion/claims", quiet=quiet) as progress:
        progress.begin(total)
        progress.update(4, "running", records=1_234)
        progress.say("[red]one[/red] was set aside")
    return stream.getvalue()


@pytest.mark.parametrize("total", [10, None])
def test_a_bar_shows_what_is_done_and_lines_go_past_it(monkeypatch: pytest.MonkeyPatch, total: float | None) -> None:
    text = told(monkeypatch, Terminal(), total=total)
    assert "Ingestion/claims" in text
    assert "1,234 records, " in text
    assert "/s, running" in text
    assert "[red]one[/red] was set aside" in text


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO, False), (Terminal, True)])
def test_elsewhere_there_are_only_the_lines(
    monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], quiet: bool
) -> None:
    assert told(monkeypatch, stream(), quiet=quiet) == "[red]one[/red] was set aside\n"


def test_what_an_earlier_run_did_counts_for_no_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = Terminal()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with Progress("Ingestion/claims", quiet=False) as progress:
        progress.begin(1000, before=5_000)
        now[0] += 2.0
        progress.update(500, records=5_010)
        [task] = progress._bar.tasks
        progress.update(600, records=5_020)
        assert task.completed == 600
        assert sum(sample.completed for sample in task._progress) == 100, "the time left is judged by this run alone"
        assert task.fields["text"] == "5,020 records, 10/s"
