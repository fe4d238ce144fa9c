"""Applying 1,000 creates, against what the server's latency, and then its limit, allow at best (docs/performance.md, "apply").

The emulator runs in its own process and is spoken to over HTTP. With latency the ideal is computed from the plan: no request can
be faster than the latency, so that the writes take ``max(longest chain, writes ÷ parallelism) × latency``, and reading back, which
is a listing of each kind, can only begin behind the last of them: another latency. Beside it stands what a sender reaches that only
sends as many creates, ready as bytes, with that latency for a listing: the server needs its time as well. Under a limit the ideal is what the server lets
through in the time that it took: the limit, and a burst of one second's worth on top (it counts by a token bucket).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate import write_project
from measure import run, store, table

LATENCY = 0.05
LIMIT = 50
TIMED = [sys.executable, str(Path(__file__).resolve().parent / "apply_timed.py")]
BARE = [sys.executable, str(Path(__file__).resolve().parent / "apply_bare.py")]
ENVIRONMENT = {"BENCH_PASSWORD": "not-a-secret", "RECONCILER_PLUGIN": ""}


@dataclass(slots=True)
class Server:
    """An emulator in a process of its own; ``cpu`` is what it used in all, known when it has ended."""

    url: str
    cpu: float = field(default=0.0)


@dataclass(frozen=True, slots=True)
class Applied:
    """One apply: what `apply_timed` says of it, the whole command's wall seconds, the server's processor seconds, its 429s."""

    timed: dict[str, Any]
    command: float
    server_cpu: float
    refused: int

    @property
    def seconds(self) -> float:
        """Wall seconds of applying alone."""
        return float(self.timed["seconds"])

    @property
    def attempts(self) -> int:
        """All requests that applying sent, those answered 429 included."""
        return sum(self.timed["attempts"].values())

    @property
    def cost(self) -> float:
        """Milliseconds of our processor time a request."""
        return 1000 * float(self.timed["cpu"]) / self.attempts


@contextmanager
def emulator(*options: str) -> Iterator[Server]:
    """A server on a free port."""
    command = [sys.executable, "-m", "reconciler", "emulator", "--page-size", "500", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    server = Server(json.loads(process.stdout.readline())["url"])
    try:
        yield server
    finally:
        process.terminate()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        server.cpu = usage.ru_utime + usage.ru_stime


def applied(count: int, parallelism: int, *options: str, limits: str = "") -> Applied:
    """Apply a project of ``count`` new resources to an empty tenant; ``options`` are the emulator's."""
    with tempfile.TemporaryDirectory() as folder:
        project, figures = Path(folder) / "project", Path(folder) / "timed.json"
        project.mkdir()
        with emulator(*options) as server:
            write_project(project, count, server.url)
            if limits:
                file = project / "reconciler.yaml"
                file.write_text(file.read_text(encoding="utf-8") + f"      limits: {limits}\n", encoding="utf-8")
            arguments = ["apply", "-C", str(project), "--yes", "-q", "--parallelism", str(parallelism)]
            done = run([*TIMED, str(figures), *arguments], env=ENVIRONMENT)
            assert done.code == 0, (done.code, done.stderr[-2000:])
            refused = sum(entry["status"] == 429 for entry in _log(server.url))
        timed = json.loads(figures.read_text(encoding="utf-8"))
        assert not timed["diverged"], timed
        return Applied(timed, done.seconds, server.cpu, refused)


def bare(count: int, parallelism: int, *options: str) -> float:
    """Wall seconds of a sender of ready-made creates: what the server allows anybody."""
    with emulator(*options) as server:
        done = run([*BARE, server.url, str(count), str(parallelism)])
    assert done.code == 0, done.stderr[-2000:]
    return float(done.stdout)


def _log(url: str) -> list[dict[str, Any]]:
    with urllib.request.urlopen(f"{url}/_emulator/log") as answer:
        found: list[dict[str, Any]] = json.load(answer)["requests"]
        return found


def against_latency(count: int, times: int) -> dict[str, Any]:
    """Print and give the rows of both parallelisms, the best of several runs each."""
    with emulator() as idle:
        _log(idle.url)
    rows, figures = [], {}
    for parallelism in (10, 50):
        runs, others = [], []
        for _ in range(times):
            runs.append(applied(count, parallelism, "--latency", str(LATENCY)))
            others.append(bare(runs[0].timed["writes"], parallelism, "--latency", str(LATENCY)))
        best = min(runs, key=lambda item: item.seconds)
        cheapest = min(item.cost for item in runs)
        writes, chain = best.timed["writes"], best.timed["chain"]
        ideal = (max(chain, writes / parallelism) + 1) * LATENCY
        server = 1000 * (best.server_cpu - idle.cpu) / best.attempts
        share = best.seconds / ideal
        least = (min(others) + LATENCY) / ideal
        row = (f"{count:,}", parallelism, writes, chain, ideal, best.seconds, f"{share:.2f}", f"{least:.2f}")
        rows.append((*row, cheapest, server, best.command, f"{os.getloadavg()[0]:.1f}"))
        figures[parallelism] = {
            "writes": writes,
            "chain": chain,
            "ideal": ideal,
            "seconds": best.seconds,
            "of ideal": share,
            "bare sender, of ideal": least,
            "cpu ms a request": cheapest,
            "server cpu ms a request": server,
            "command": best.command,
            "load": os.getloadavg()[0],
        }
    header = ("creates", "parallelism", "writes", "chain", "ideal s", "s", "× ideal", "bare × ideal")
    more = ("CPU ms a request", "server's CPU ms", "whole command s", "load")
    table(f"Apply, {LATENCY * 1000:.0f} ms latency", (*header, *more), rows)
    return figures


def under_a_limit(count: int) -> dict[str, Any]:
    """Print and give the rows of a server that refuses what is too much: told of the limit, and not."""
    rows, figures = [], {}
    for name, limits in (("learnt from 429s", ""), ("told", f"{{requestsPerSecond: {LIMIT}}}")):
        done = applied(count, 10, "--rate-limit", str(LIMIT), limits=limits)
        taken = done.attempts - done.refused
        # The bucket is full at first: so many were allowed in that time.
        rate, allowed = taken / done.seconds, LIMIT * done.seconds + LIMIT
        share, refused = taken / allowed, done.refused / done.attempts
        rows.append(
            (
                name,
                taken,
                done.seconds,
                f"{rate:.1f}",
                f"{share:.0%}",
                done.refused,
                f"{refused:.2%}",
                os.getloadavg()[0],
            )
        )
        figures[name] = {
            "taken": taken,
            "seconds": done.seconds,
            "rate": rate,
            "of allowed": share,
            "answered 429": done.refused,
            "share of 429": refused,
        }
    header = ("the limit is", "requests taken", "s", "a second", "of allowed", "answered 429", "share", "load")
    table(f"Apply, at most {LIMIT} requests a second", header, rows)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--only", choices=("latency", "limit"))
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    if options.only != "limit":
        figures["latency"] = against_latency(options.count, options.times)
    if options.only != "latency":
        figures["limit"] = under_a_limit(options.count)
    store("apply", figures)


if __name__ == "__main__":
    main()
