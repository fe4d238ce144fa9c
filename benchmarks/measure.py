"""What the benchmarks share: running a command with time and peak memory, printing a table, writing JSON."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a command: wall seconds, peak resident memory in MB, exit code, what it printed, processor seconds."""

    seconds: float
    megabytes: float
    code: int
    stdout: str
    stderr: str
    cpu: float


def run(command: Sequence[str], *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Run a command to its end. Output goes through files, so that a full pipe never slows what is measured."""
    import tempfile

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        began = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=cwd, env={**os.environ, **(env or {})}, stdout=out, stderr=err, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        return Run(
            seconds,
            usage.ru_maxrss / 1024,
            process.returncode,
            out.read().decode("utf-8", "replace"),
            err.read().decode("utf-8", "replace"),
            usage.ru_utime + usage.ru_stime,
        )


def median(command: Sequence[str], times: int, *, cwd: Path | None = None, env: Mapping[str, str] | None = None) -> Run:
    """Run a command several times; the run of median duration stands for all."""
    runs = sorted((run(command, cwd=cwd, env=env) for _ in range(times)), key=lambda item: item.seconds)
    return runs[len(runs) // 2]


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print rows as a Markdown table."""
    print(f"\n{title}\n")
    print("| " + " | ".join(header) + " |")
    print("| " + " | ".join("---" for _ in header) + " |")
    for row in rows:
        print("| " + " | ".join(f"{item:.3f}" if isinstance(item, float) else str(item) for item in row) + " |")


def store(name: str, data: object) -> None:
    """Write a benchmark's figures to ``benchmarks/results/<name>.json``."""
    RESULTS.mkdir(exist_ok=True)
    machine = {"python": platform.python_version(), "cores": os.cpu_count()}
    text = json.dumps({"machine": machine, "figures": data}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
