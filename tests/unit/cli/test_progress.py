"""Progress of an apply: lines where they are read by a person or a log, a bar on a terminal where there are many."""

from __future__ import annotations

import io
import sys

import pytest

from reconciler.cli.progress import BAR_FROM, ResultLog
from reconciler.core.report import Result
from reconciler.core.resource import Key

APPLIED = Result(Key("Dataset", "people"), "create", "applied")
FAILED = Result(Key("Dataset", "places"), "update", "failed", code="H007", message="[red]refused[/red]")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def told(monkeypatch: pytest.MonkeyPatch, stream: io.StringIO, total: int, *, quiet: bool = False) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with ResultLog(quiet=quiet) as log:
        log.begin(total)
        log(APPLIED)
        log(FAILED)
    return stream.getvalue()


@pytest.mark.parametrize(("stream", "total"), [(io.StringIO, BAR_FROM), (Terminal, BAR_FROM - 1)])
def test_a_line_for_each_result(monkeypatch: pytest.MonkeyPatch, stream: type[io.StringIO], total: int) -> None:
    lines = told(monkeypatch, stream(), total).splitlines()
    assert lines == ["applied  create Dataset/people", "failed   update Dataset/places: [red]refused[/red] [H007]"]


def test_a_bar_leaves_only_what_was_not_applied(monkeypatch: pytest.MonkeyPatch) -> None:
    text = told(monkeypatch, Terminal(), BAR_FROM)
    assert "applying" in text
    assert "Dataset/people" not in text
    assert "update Dataset/places: [red]refused[/red] [H007]" in text


def test_quiet_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert told(monkeypatch, Terminal(), BAR_FROM, quiet=True) == ""
