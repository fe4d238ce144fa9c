"""Progress of a job: a bar with the rate of records on a terminal, and lines that go past it unharmed."""

from __future__ import annotations

import io
import sys

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
