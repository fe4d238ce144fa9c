"""Serving: the line that says where, signals, files to start from, and the description."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import httpx2 as httpx
import pytest

from tests.support.emulator import running_emulator

ROOT = Path(__file__).parents[3]
SERVE = "from reconciler.emulator import Settings, serve; serve(Settings())"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_it_with_success(number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", SERVE],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["url"]
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=url, trust_env=False, verify=False) as http:
            assert http.get("/_emulator/health").json() == {"status": "ok"}
            process.send_signal(number)
            out, err = process.communicate(timeout=30)
        assert (process.returncode, out, err) == (0, "", "")


def test_files_to_start_from(tmp_path: Path) -> None:
    seed, faults, state = tmp_path / "seed.json", tmp_path / "faults.json", tmp_path / "state.db"
    seed.write_text('{"seed": 4, "kinds": {"Dataset": 3}}')
    faults.write_text('{"rules": [{"effect": {"status": 500}, "match": {"path": "/nowhere"}}]}')
    for _ in range(2):
        with running_emulator(seed=seed, faults=faults, state=state) as emulator:
            assert emulator.control("GET", "state")["counts"]["Dataset"] == 3
            assert len(emulator.control("GET", "faults")["rules"]) == 1


def test_in_process_start_needs_no_event() -> None:
    code = (
        "import asyncio, httpx2\n"
        "from reconciler.emulator import Settings, create_app\n"
        "async def main():\n"
        "    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(create_app(Settings()))) as http:\n"
        "        print((await http.get('http://x/_emulator/health')).status_code)\n"
        "asyncio.run(main())\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60, check=False)
    assert (result.stdout, result.stderr) == ("200\n", "")


def test_importing_the_package_is_cheap() -> None:
    code = (
        "import sys, reconciler.emulator; print([m for m in ('starlette', 'uvicorn', 'sqlite3') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert result.stdout == "[]\n"
