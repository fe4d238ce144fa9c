"""Planning a tenant in which nothing changed, against `terraform plan` of as many local resources.

The emulator runs in its own process and is spoken to over HTTP; the first apply fills it. "Cold" is without the parse cache,
"warm" with it. Where Terraform is not installed, the figures recorded in docs/performance.md are the reference.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from generate import write_project
from measure import Run, median, run, store, table
from terraform_side import terraform

COMMAND = [sys.executable, "-m", "reconciler"]
RECORDED = {1_000: (4.7, 258.0), 5_000: (21.0, 776.0), 10_000: (47.0, 1410.0)}
SECRETS = {"BENCH_PASSWORD": "not-a-secret", "RECONCILER_PLUGIN": ""}


@contextmanager
def emulator():
    """A server process of its own on a free port; yields its URL."""
    process = subprocess.Popen([*COMMAND, "emulator", "--page-size", "500"], stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(10)


def ours(count: int, times: int) -> tuple[Run, Run, int]:
    """Plans of a project with ``count`` resources, cold and warm; and the requests that one of them makes."""
    with tempfile.TemporaryDirectory() as folder, emulator() as url:
        project = Path(folder)
        write_project(project, count, url)
        done = run([*COMMAND, "apply", "-C", folder, "--yes", "-q"], env=SECRETS)
        assert done.code == 0, done.stderr[-2000:]
        plan = [*COMMAND, "plan", "-C", folder, "--detailed-exitcode", "-q"]
        cache = project / ".reconciler" / "cache"
        colds = []
        for _ in range(times):
            shutil.rmtree(cache, ignore_errors=True)
            colds.append(run(plan, env=SECRETS))
        cold = sorted(colds, key=lambda item: item.seconds)[len(colds) // 2]
        warm = median(plan, times, env=SECRETS)
        assert cold.code == 0, (cold.code, cold.stdout[-500:], cold.stderr[-500:])
        assert warm.code == 0, (warm.code, warm.stdout[-500:])
        before = logged(url)
        run(plan, env=SECRETS)
        return cold, warm, logged(url) - before


def logged(url: str) -> int:
    """How many requests the emulator has seen, its own controls aside."""
    with urllib.request.urlopen(f"{url}/_emulator/log") as answer:
        return max((entry["seq"] for entry in json.load(answer)["requests"]), default=0)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1_000, 10_000])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--no-terraform", action="store_true")
    options = parser.parse_args()
    rows, compared, figures = [], [], {}
    for count in options.sizes:
        cold, warm, requests = ours(count, options.times)
        rows.append((f"{count:,}", *(item for run in (cold, warm) for item in seen(run)), requests))
        figures[count] = {"cold": seen(cold), "warm": seen(warm), "requests": requests}
        for name, seconds, megabytes in references(count, measured=not options.no_terraform):
            times = (seconds / cold.seconds, seconds / warm.seconds, cold.megabytes / megabytes)
            compared.append((f"{count:,}", name, seconds, f"{megabytes:.0f}", *times))
            figures[count][name] = {"seconds": seconds, "mb": megabytes}
    header = ("resources", "cold s", "CPU s", "MB", "warm s", "CPU s", "MB", "requests")
    table("Plan, nothing changed", header, rows)
    header = ("resources", "terraform plan of as many", "s", "MB", "× cold", "× warm", "memory, ours cold : its")
    table("Beside Terraform", header, compared)
    store("plan", figures)


def seen(done: Run) -> tuple[float, float, str]:
    """What a row shows of a run."""
    return done.seconds, done.cpu, f"{done.megabytes:.0f}"


def references(count: int, *, measured: bool) -> Iterator[tuple[str, float, float]]:
    """Terraform's plans of as many resources: name, seconds, megabytes."""
    for name, bare in (("terraform_data, the same content", False), ("terraform_data, two values each", True)):
        done = terraform(count, bare=bare) if measured else None
        if done is not None:
            yield name, done.seconds, done.megabytes
    if not (measured and shutil.which("terraform")) and count in RECORDED:
        yield "terraform_data, recorded elsewhere", *RECORDED[count]


if __name__ == "__main__":
    main()
