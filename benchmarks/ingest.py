"""How fast files are ingested (docs/performance.md, row "ingestion"), against other senders in the same run.

All sides talk to the same bare server, which parses and counts, on the same cores. ``--records N`` (1,000,000), ``--large MB``
adds a CSV of so many megabytes for the memory that it takes, ``--emulator`` runs against the emulator, too.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from ingest_senders import record
from ingest_server import COLUMNS
from measure import Run, run, store, table

HERE = Path(__file__).resolve().parent
FORMATS = ("csv", "ndjson", "parquet")


def main() -> None:
    """Measure and print."""
    options = _options()
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        _write_sources(project, options.records)
        rows: list[tuple[object, ...]] = []
        figures: dict[str, float] = {}
        with _server() as url:
            for size in (500, 1000):
                measured, found = _compared(project, url, size, options.records, options.times)
                rows += measured
                figures |= found
            if options.large:
                rate, done = _large(project, url, options.large)
                rows.append((f"csv of {options.large:,} MB", 1000, round(rate), "", "", "", "", round(done.megabytes)))
                figures |= {"large": rate, "large MB": done.megabytes}
        if options.emulator:
            for form in FORMATS:
                rate, done = _ingest(project, None, form, 1000, options.records)
                rows.append(
                    (
                        f"{form}, emulator",
                        1000,
                        round(rate),
                        "",
                        "",
                        "",
                        _cost(done, options.records),
                        round(done.megabytes),
                    )
                )
                figures |= {f"{form} emulator": rate}
    header = (
        "sender",
        "batch",
        "records a second",
        "of ready-made",
        "of httpx2's",
        "× one by one",
        "processor s a million",
        "peak MB",
    )
    table(f"Ingesting {options.records:,} records", header, rows)
    store("ingest", figures)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=2)
    parser.add_argument("--large", type=int, default=0, metavar="MB")
    parser.add_argument("--emulator", action="store_true")
    return parser.parse_args()


def _compared(
    project: Path, url: str, size: int, count: int, times: int
) -> tuple[list[tuple[object, ...]], dict[str, float]]:
    """Every sender in turn, ``times`` times; the best of each."""
    senders: dict[str, float] = {}
    jobs: dict[str, tuple[float, Run]] = {}
    for _ in range(times):
        for name in ("ready", "library", "seed"):
            rate = _sender(name, url, count if name != "seed" else min(count, 200_000), size)
            senders[name] = max(rate, senders.get(name, 0.0))
        for form in FORMATS:
            found = _ingest(project, url, form, size, count)
            jobs[form] = max(found, jobs.get(form, found), key=lambda item: item[0])
    names = {"ready": "ready-made bodies", "library": "ready-made bodies, httpx2's client", "seed": "one by one"}
    rows: list[tuple[object, ...]] = [
        (names[name], size, round(rate), "", "", "", "", "") for name, rate in senders.items()
    ]
    figures = {f"{name} {size}": rate for name, rate in senders.items()}
    for form, (rate, done) in jobs.items():
        shares = [f"{100 * rate / senders[name]:.0f} %" for name in ("ready", "library")]
        cost, megabytes = _cost(done, count), round(done.megabytes)
        rows.append((form, size, round(rate), *shares, f"{rate / senders['seed']:.1f}", cost, megabytes))
        figures |= {f"{form} {size}": rate, f"{form} {size} MB": done.megabytes, f"{form} {size} cpu": cost}
    return rows, figures


def _cost(done: Run, count: int) -> float:
    """Processor seconds of the whole command, starting included, for a million records: much the same on a busy machine."""
    return round(done.cpu * 1e6 / count, 2)


@contextmanager
def _server() -> Iterator[str]:
    command = [sys.executable, str(HERE / "ingest_server.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def _counted(url: str) -> int:
    with urllib.request.urlopen(f"{url}/count", timeout=10) as answer:
        return int(json.load(answer)["count"])


def _sender(name: str, url: str, count: int, size: int) -> float:
    done = run([sys.executable, str(HERE / "ingest_senders.py"), name, url, str(count), str(size)])
    assert done.code == 0, done.stderr
    assert _counted(url) == count // size * size
    return float(done.stdout)


def _write_sources(project: Path, count: int) -> None:
    """The same records in every format."""
    import polars as pl

    (project / "manifests").mkdir(parents=True)
    frame = pl.DataFrame([record(number) for number in range(min(count, 100_000))])
    repeats = -(-count // frame.height)
    frame = pl.concat([frame] * repeats).head(count)
    numbers = pl.int_range(count, eager=True).cast(pl.String).str.zfill(9)
    frame = frame.with_columns(external_id="T-" + numbers)
    frame.write_parquet(project / "tickets.parquet")
    frame.write_ndjson(project / "tickets.ndjson")
    frame.write_csv(project / "tickets.csv")


def _manifests(project: Path, url: str | None, form: str, size: int, file: str) -> None:
    target: dict[str, object] = {"url": url or "emulator:"}
    if url:
        target["auth"] = {"clientId": "local", "clientSecret": "${secret:env:BENCHMARK_SECRET}"}
    head = {"apiVersion": "cxone.reconciler/v1"}
    settings = {"stack": "benchmark", "targets": {"local": target}}
    data = {**head, "kind": "Project", "metadata": {"name": "benchmark"}, "spec": settings}
    (project / "reconciler.yaml").write_text(json.dumps(data), encoding="utf-8")
    columns = {
        name: {key: value for key, value in column.items() if value is not True} for name, column in COLUMNS.items()
    }
    dataset = {
        **head,
        "kind": "Dataset",
        "metadata": {"name": "tickets"},
        "spec": {"primaryKey": "external_id", "columns": columns},
    }
    spec = {"datasetRef": "tickets", "source": {"path": file, "format": form}, "batchSize": size}
    job = {**head, "kind": "Ingestion", "metadata": {"name": "tickets"}, "spec": spec}
    text = f"{json.dumps(dataset)}\n---\n{json.dumps(job)}\n"
    (project / "manifests" / "all.yaml").write_text(text, encoding="utf-8")


def _ingest(project: Path, url: str | None, form: str, size: int, count: int, file: str = "") -> tuple[float, Run]:
    """Run the job as anybody would; the rate is the job's own, from the first look at the source to the report."""
    _manifests(project, url, form, size, file or f"tickets.{form}")
    environ = {"BENCHMARK_SECRET": "local-secret"}
    tool = [sys.executable, "-m", "reconciler"]
    if url is None:
        assert run([*tool, "apply", "--yes"], cwd=project).code == 0
    done = run([*tool, "run", "Ingestion/tickets", "--format", "json"], cwd=project, env=environ)
    assert done.code == 0, done.stdout + done.stderr
    [report] = json.loads(done.stdout)["jobs"]
    assert report["account"]["accepted"] == report["account"]["read"]
    if count:
        assert report["account"]["read"] == count
    if url is not None:
        assert _counted(url) == report["account"]["read"]
    return float(report["metrics"]["records a second"]), done


def _large(project: Path, url: str, megabytes: int) -> tuple[float, Run]:
    """A CSV that is much larger than memory may grow."""
    part = (project / "tickets.csv").read_bytes()
    header, rows = part[: part.index(b"\n") + 1], part[part.index(b"\n") + 1 :]
    with (project / "large.csv").open("wb") as file:
        file.write(header)
        while file.tell() < megabytes * 1_000_000:
            file.write(rows)
    return _ingest(project, url, "csv", 1000, 0, "large.csv")


if __name__ == "__main__":
    main()
