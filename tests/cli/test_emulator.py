"""``emulator``: one JSON line when it is ready, and a quiet end."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.project import Project, run


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_is_and_stops_when_told(tmp_path: Path, number: int) -> None:
    arguments = ("emulator", "--pagination", "offset", "--client", "me:my-secret:data:read", "--state", "t.sqlite")
    with Project(tmp_path).spawn(*arguments) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            assert httpx.get(f"{url}/_emulator/health", trust_env=False).json() == {"status": "ok"}
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out, err) == (0, "", "")
    assert (tmp_path / "t.sqlite").exists()


def test_options_that_make_no_sense() -> None:
    for arguments in (["--client", "nonsense"], ["--rate-limit", "0"], ["--latency", "-1"], ["--page-size", "9999"]):
        ran = run("emulator", *arguments).ok(64)
        assert ran.out == ""
        assert ran.err
