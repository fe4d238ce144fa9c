"""Ingestion of many records, of which one in a hundred is wrong in each way: an exact account, and memory that stays flat.

The sizes of `make acceptance` are a million records through the emulator, and a file of three gigabytes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.support.emulator import emulator_process
from tests.support.ingestion import Ingesting, account
from tests.support.profile import ACCEPTANCE
from tests.support.project import Project, manifest

RECORDS = 1_000_000 if ACCEPTANCE else 20_000
FILE_BYTES = 3_000_000_000 if ACCEPTANCE else 30_000_000
MEGABYTES = 300
"""What an ingestion may take, whatever the size of its source (performance: ingestion)."""

WRONG: dict[str, Callable[[dict[str, str]], dict[str, str]]] = {
    "age": lambda row: {**row, "age": "abc"},
    "since": lambda row: {**row, "since": "2026-02-30"},
    "active": lambda row: {**row, "active": "maybe"},
    "id": lambda row: {**row, "id": ""},
    "name": lambda row: {**row, "name": "n" * 21},
}
"""One way in which a record can be wrong for each column."""


def _row(number: int) -> dict[str, str]:
    return {
        "id": f"T-{number:08}",
        "name": f"ticket {number}",
        "age": str(number % 90),
        "active": "true" if number % 2 else "false",
        "since": f"2026-{1 + number % 12:02}-{1 + number % 28:02}",
    }


def _rows() -> Iterator[dict[str, str]]:
    """Records of which one in a hundred is wrong in each way, and one in a hundred comes again with a newer value."""
    ways = list(WRONG)
    for number in range(RECORDS):
        place = number % 100
        row = _row(number)
        yield WRONG[ways[place]](row) if place < len(ways) else row
        if place == 99:
            yield {**_row(number - 50), "name": f"newer {number - 50}"}


def _expected() -> dict[str, str]:
    """Name by key of what is to be stored at first."""
    names = {
        row["id"]: row["name"] for number in range(RECORDS) if number % 100 >= len(WRONG) for row in [_row(number)]
    }
    return names | {_row(number)["id"]: f"newer {number}" for number in range(49, RECORDS, 100)}


_LAUNCHER = """
import os, subprocess, sys
process = subprocess.Popen([sys.executable, "-m", "reconciler", *sys.argv[1:]])
_, status, usage = os.wait4(process.pid, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss, file=sys.stderr)
"""
"""Measures a command from a process that is itself small: what the parent holds when it forks counts for the child."""


def _measured(project: Project, *arguments: str) -> tuple[dict[str, Any], int, float]:
    """Run a command in a process of its own; gives its JSON, its exit code, and the most memory that it took (MB)."""
    done = subprocess.run(
        [sys.executable, "-c", _LAUNCHER, *arguments, "--format", "json", "-q"],
        cwd=project.root,
        env={**os.environ, **project.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )
    code, kilobytes = done.stderr.splitlines()[-1].split()
    return json.loads(done.stdout)["jobs"][0], int(code), int(kilobytes) / 1024


def test_each_kind_of_wrong_record_is_counted_and_can_be_replayed(tmp_path: Path) -> None:
    with emulator_process() as emulator:
        job = Ingesting.make(tmp_path / "project", emulator)
        job.declare(batchSize=1000, maxRejectedPercent=10)
        path = job.text("")
        with path.open("w") as file:
            file.write("id,name,age,active,since\n")
            file.writelines(",".join(row.values()) + "\n" for row in _rows())
        read, wrong = RECORDS + RECORDS // 100, RECORDS // 100 * len(WRONG)
        report, code, megabytes = _measured(job.project, "run", "Ingestion/load")
        assert (code, report["account"]) == (0, account(read, read - wrong, quarantined=wrong))
        assert megabytes <= MEGABYTES
        assert {key: record["name"] for key, record in job.live.items()} == _expected()
        aside = job.quarantined
        assert Counter(entry["column"] for entry in aside) == dict.fromkeys(WRONG, RECORDS // 100)
        mended = tmp_path / "mended.ndjson"
        with mended.open("w") as file:
            for entry in aside:
                # Row 1 is the header's; every hundredth record has one more behind it.
                number = entry["row"] - 1 - (entry["row"] - 1) // 101
                file.write(json.dumps({**entry, "record": _row(number)}) + "\n")
        report, code, _ = _measured(job.project, "run", "Ingestion/load", "--replay", str(mended))
        assert (code, report["account"]) == (0, account(wrong, wrong))
        assert len(job.live) == RECORDS


@contextmanager
def _bare_server() -> Iterator[str]:
    """The server of the benchmark, which counts records and keeps none."""
    command = [sys.executable, str(Path(__file__).parents[2] / "benchmarks" / "ingest_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    columns = {
        "external_id": {"type": "string", "maxLength": 64},
        "customer_email": "string",
        "ticket_priority": "number",
        "is_resolved": "boolean",
        "resolved_date": "date",
        "note": {"type": "string", "maxLength": 200},
    }
    with _bare_server() as url:
        project = Project.create(tmp_path / "project", url=url)
        project.put("tables.yaml", manifest("Dataset", "tickets", {"primaryKey": "external_id", "columns": columns}))
        spec = {"datasetRef": "tickets", "source": {"path": "data/big.csv", "format": "csv"}, "batchSize": 1000}
        project.put("jobs.yaml", manifest("Ingestion", "load", spec))
        big = project.root / "data" / "big.csv"
        big.parent.mkdir()
        count = 0
        with big.open("w") as file:
            file.write("external_id,customer_email,ticket_priority,is_resolved,resolved_date,note\n")
            while file.tell() < FILE_BYTES:
                block = range(count, count + 10_000)
                file.writelines(
                    f"E-{n:010},customer-{n}@example.com,{n % 5},true,2026-03-04,{'note ' * 10}{n}\n" for n in block
                )
                count += len(block)
        report, code, megabytes = _measured(project, "run", "Ingestion/load")
        assert (code, report["account"]) == (0, account(count, count)), report["error"]
        assert megabytes <= MEGABYTES
