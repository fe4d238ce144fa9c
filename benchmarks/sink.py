"""Storing a stream's events in PostgreSQL: `reconciler run`, against COPY and upsert alone, and one transaction an event.

All three write the same events into the same server, an embedded one that is made for the purpose. "COPY + upsert alone" is given
rows that are ready to be copied, in batches of the same size, and executes the same statements; it neither receives nor parses
nor checks anything. "One transaction an event" is the way of the service that the sink replaces: ten connections, each event by
itself. Rates are from the first event to the last commit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import orjson
from measure import run, store, table
from sink_events import SCHEMA, TABLE, events

from reconciler.jobs.stream_sink.columns import TableName
from reconciler.jobs.stream_sink.database import prepare_tables
from reconciler.jobs.stream_sink.embedded import EmbeddedDatabase
from reconciler.jobs.stream_sink.events import Prepared, Preparer, compile_schema
from reconciler.jobs.stream_sink.settings import read_settings
from reconciler.jobs.stream_sink.writer import Writer
from reconciler.kinds import load_kinds

HERE = Path(__file__).resolve().parent
SECRETS = {"BENCH_SECRET": "local-secret"}
LETTERS = TableName("", "cxone_events_dead_letter")


def plan_of_table():
    """The table as a manifest declares it."""
    spec = {"streamRef": "calls", "eventSchema": SCHEMA, "table": TABLE}
    return read_settings(load_kinds()["StreamSink"].spec.model_validate(spec), spec).plan


async def copy_alone(connection, batches: list[Prepared]) -> float:
    """Events a second of COPY and upsert with rows that are ready."""
    plan = await prepare_tables(connection, plan_of_table(), LETTERS, print)
    writer = Writer(plan, LETTERS, "benchmark")
    await writer.ready(connection)
    began = time.perf_counter()
    for batch in batches:
        await writer.write(connection, batch)
    return sum(len(batch.lines) for batch in batches) / (time.perf_counter() - began)


async def one_by_one(database: EmbeddedDatabase, raws: list[bytes]) -> float:
    """Events a second with a transaction for each, over ten connections."""
    connections = [await database.open() for _ in range(10)]
    await prepare_tables(connections[0], plan_of_table(), LETTERS, print)
    statement = (
        "INSERT INTO cxone_events (idempotency_key, interaction_id, occurred_at, channel, duration_seconds, disposition,"
        " queue_name, agent_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (idempotency_key) DO UPDATE SET"
        " duration_seconds = excluded.duration_seconds, disposition = excluded.disposition,"
        " queue_name = excluded.queue_name, agent_id = excluded.agent_id"
    )
    waiting = iter(raws)

    async def work(connection) -> None:
        for raw in waiting:
            event = json.loads(raw)
            more = event["attributes"]
            async with connection.transaction():
                await connection.execute(
                    statement,
                    (
                        event["idempotencyKey"], event["interactionId"], event["timestamp"], event["type"],
                        more["duration"], more["disposition"], more["queueName"], more["agentId"],
                    ),
                )  # fmt: skip

    began = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    seconds = time.perf_counter() - began
    for connection in connections:
        await connection.close()
    return len(raws) / seconds


@contextmanager
def server(command: list[str]):
    """A process that prints its URL; yields it."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        process.wait(10)


def write_project(folder: Path, url: str, database: str, size: int) -> None:
    """A project with the sink and what it refers to."""
    auth = {"clientId": "local", "clientSecret": "${secret:env:BENCH_SECRET}"}
    spec = {"stack": "bench", "manifests": ["all.yaml"], "targets": {"local": {"url": url, "auth": auth}}}
    head = {"apiVersion": "cxone.reconciler/v1"}
    project = head | {"kind": "Project", "metadata": {"name": "bench"}, "spec": spec}
    (folder / "reconciler.yaml").write_text(json.dumps(project))
    (folder / "code").mkdir(exist_ok=True)
    (folder / "code" / "index.js").write_text("module.exports = async () => ({});")
    shape = {"properties": {}}
    action = {"runtime": "nodejs18", "code": {"path": "code"}, "inputs": shape, "outputs": shape}
    sink = {
        "streamRef": "calls",
        "eventSchema": SCHEMA,
        "table": TABLE,
        "database": database,
        "batch": {"maxEvents": size},
    }
    documents = [
        head | {"kind": "DataAction", "metadata": {"name": "enrich"}, "spec": action},
        head
        | {
            "kind": "EventStream",
            "metadata": {"name": "calls"},
            "spec": {"actionRef": "enrich", "eventTypes": ["call"]},
        },
        head | {"kind": "StreamSink", "metadata": {"name": "calls"}, "spec": sink},
    ]
    (folder / "all.yaml").write_text("\n---\n".join(map(json.dumps, documents)))


def ours(url: str, database: str, size: int, count: int) -> dict[str, float]:
    """Events a second of the command, its processor seconds an event in µs, its peak memory in MB."""
    with tempfile.TemporaryDirectory() as name:
        write_project(Path(name), url, database, size)
        command = [sys.executable, "-m", "reconciler", "run", "StreamSink/calls", "-C", name, "--format", "json", "-q"]
        done = run(command, env=SECRETS)
        assert done.code == 0, done.stdout[-2000:] + done.stderr[-2000:]
        job = json.loads(done.stdout)["jobs"][0]
        assert job["account"]["accepted"] == count, job
        return {"rate": job["metrics"]["events_per_second"], "mb": done.megabytes, "cpu": done.cpu / count * 1e6}


async def measure(
    count: int, sizes: list[int], sample: int, times: int, folder: Path
) -> tuple[list[tuple[object, ...]], dict]:
    """Rows to print and figures to keep; both sides take turns, and the best run of each counts, since others only slow it."""
    raws = events(count)
    keys = len({orjson.loads(raw)["idempotencyKey"] for raw in raws})
    database = EmbeddedDatabase(folder / "local" / "postgres", "benchmark")
    connection = await database.open()
    address = f"postgresql://postgres@/postgres?host={connection.info.host}"
    rows, figures = [], {}
    try:

        async def clear() -> None:
            await connection.execute("DROP TABLE IF EXISTS cxone_events, cxone_events_dead_letter")
            await connection.execute("DROP TABLE IF EXISTS pg_temp.reconciler_staging")
            await connection.execute("CHECKPOINT")

        single = await one_by_one(database, raws[:sample])
        for size in sizes:
            preparer = Preparer(compile_schema(SCHEMA), plan_of_table())
            batches = [
                preparer.prepare(raws[start : start + size], [0.0] * len(raws[start : start + size]))
                for start in range(0, count, size)
            ]
            alone, mine = [], []
            for _ in range(times):
                await clear()
                alone.append(await copy_alone(connection, batches))
                await clear()
                with server([sys.executable, str(HERE / "sink_server.py"), str(count)]) as url:
                    mine.append(await asyncio.to_thread(ours, url, address, size, count))
                (stored,) = await (await connection.execute("SELECT count(*) FROM cxone_events")).fetchone()
                assert stored == keys, "none is lost"
            reference, best = max(alone), max(mine, key=lambda item: item["rate"])
            rate = best["rate"]
            rows.append(
                (
                    f"{size:,}", f"{rate:,.0f}", f"{reference:,.0f}", f"{rate / reference:.0%}", f"{single:,.0f}",
                    f"{rate / single:.1f}", f"{best['mb']:.0f}", f"{best['cpu']:.0f}",
                )
            )  # fmt: skip
            figures[size] = {**best, "copy and upsert alone": reference, "one transaction an event": single}
    finally:
        await connection.close()
        await database.aclose()
    return rows, figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=200_000)
    parser.add_argument("--sizes", type=int, nargs="*", default=[500, 2_000, 10_000])
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--sample", type=int, default=10_000, help="events of the third way, which takes its time")
    options = parser.parse_args()
    os.environ.update(SECRETS)
    with tempfile.TemporaryDirectory(prefix="rec-bench-") as name:
        rows, figures = asyncio.run(measure(options.events, options.sizes, options.sample, options.times, Path(name)))
    header = (
        "events a batch",
        "sink, events/s",
        "COPY + upsert alone",
        "of that",
        "a transaction an event",
        "× that",
        "MB",
        "CPU µs an event",
    )
    table(f"Stream sink, {options.events:,} events", header, rows)
    store("sink", figures)


if __name__ == "__main__":
    main()
