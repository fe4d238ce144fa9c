"""A sink while everything around it breaks: afterwards the table holds every valid key once, with its newest value."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.support.postgres import own_server, rows
from tests.support.profile import ACCEPTANCE
from tests.support.sink import event, interactions
from tests.support.sink_project import KEY, Setting
from tests.support.sink_tenant import Tenant, tenant

SCALE = 20 if ACCEPTANCE else 1
PATIENCE_SECONDS = 120 * SCALE


class Sink:
    """A sink in a process of its own, whose stderr is read along."""

    def __init__(self, here: Setting, *arguments: str) -> None:
        self._here = here
        self._arguments = arguments
        self.process = self._spawn()

    def _spawn(self) -> subprocess.Popen[str]:
        return self._here.project.spawn("run", KEY, "--format", "json", *self._arguments)

    def kill(self) -> None:
        """SIGKILL, and another one."""
        self.process.kill()
        self.process.communicate()
        self.process = self._spawn()

    def end(self, *, code: int = 0) -> dict[str, Any]:
        """Wait for the end; gives the account."""
        import json

        out, err = self.process.communicate(timeout=PATIENCE_SECONDS)
        assert self.process.returncode == code, out + err
        account = json.loads(out)["jobs"][0]["account"]
        assert account["balanced"]
        return dict(account, err=err)


@contextmanager
def running(root: Path, url: str, there: Tenant, *arguments: str, **spec: Any) -> Iterator[tuple[Setting, Sink]]:
    here = Setting.make(root, there, url, **spec)
    sink = Sink(here, *arguments)
    try:
        yield here, sink
    finally:
        sink.process.kill()
        sink.process.communicate()


def committed(url: str) -> int:
    """How many keys are in the table; 0 where it cannot be asked."""
    try:
        return int(rows(url, "SELECT count(*) FROM events")[0][0])
    except psycopg.Error:
        return 0


def wait_for(holds: Any) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def received(there: Tenant, count: int) -> None:
    """Wait until the sink has received so many events."""
    there.until(lambda state: any(item["confirmed"] >= count for item in state["connections"]))


def test_whatever_breaks_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    """Repeats, invalid events, every kind of close, expired tokens, a database that goes away, and SIGKILL, in one run."""
    size = 1000 * SCALE
    events = interactions(10 * size, 42, keys=3 * size, bad=0.05)
    parts = [events[start : start + size] for start in range(0, len(events), size)]
    with (
        own_server(tmp_path) as server,
        tenant(own_process=True) as there,
        running(tmp_path, server.url(), there) as (here, sink),
    ):
        there.publish(parts[0])
        for part, code in zip(parts[1:6], (4001, 1008, 1011, 1012, 1006), strict=True):
            received(there, 1)
            there.close(code)
            there.publish(part)
        there.publish(parts[6])
        wait_for(lambda: committed(server.url()) > 0)
        server.stop("immediate")
        there.publish(parts[7])
        received(there, 8 * size)
        sink.kill()
        there.connected()
        there.publish(parts[8])
        received(there, 9 * size)
        server.start()
        sink.kill()
        there.connected()
        there.emulator.control("POST", "clock", {"advanceSeconds": 4000})
        there.publish(parts[9])
        there.end()
        sink.end()
        here.holds(events)


@pytest.mark.parametrize("seed", range(3))
def test_killed_at_any_moment(tmp_path: Path, database: str, seed: int) -> None:
    events = interactions(3000 * SCALE, seed, keys=900 * SCALE, bad=0.05)
    with tenant(own_process=True) as there, running(tmp_path, database, there) as (here, sink):
        there.publish(events)
        wait_for(lambda: committed(database) > 40 * SCALE * (seed + 1))
        sink.kill()
        if seed:
            there.connected()
            sink.kill()
        there.end()
        sink.end()
        here.holds(events)


def test_a_burst_loses_nothing(tmp_path: Path, database: str) -> None:
    events = [event(f"k{number}", number, duration=number) for number in range(20_000)]
    with tenant(own_process=True) as there:
        there.publish(events, at_once=20_000)
        with running(tmp_path, database, there, "--until-idle", "1") as (here, sink):
            account = sink.end()
            assert (account["read"], account["accepted"]) == (20_000, 20_000)
            here.holds(events)


def test_a_database_that_is_away_for_long_is_waited_for(tmp_path: Path) -> None:
    """Everything is in the spool; a stop leaves it there, and the next run, which begins without the database, goes on."""
    events = interactions(2000, 3, keys=500, bad=0.05)
    with own_server(tmp_path) as server, tenant(own_process=True) as there:
        with running(tmp_path, server.url(), there) as (here, sink):
            there.publish(events[:500])
            wait_for(lambda: committed(server.url()) > 0)
            server.stop()
            there.publish(events[500:1500])
            received(there, 1500)
            sink.process.send_signal(signal.SIGTERM)
            account = sink.end(code=143)
            assert account["pending"] > 0
            assert "is away" in account["err"]
        with running(tmp_path, server.url(), there) as (here, sink):
            there.publish(events[1500:])
            received(there, 2000)
            server.start()
            there.end()
            account = sink.end()
            assert account["pending"] == 0
            assert "is back" in account["err"]
            here.holds(events)


def test_a_full_spool_holds_the_server_back(tmp_path: Path) -> None:
    """A megabyte of spool and several of events, while the table is locked: nothing is dropped, and memory is not the spool."""
    filler = "x" * 900
    events = [event(f"k{number}", number, duration=number, note=filler) for number in range(6000)]
    with own_server(tmp_path) as server, tenant(own_process=True) as there:
        spec = {"spool": {"maxMegabytes": 1}}
        with running(tmp_path, server.url(), there, **spec) as (here, sink):
            there.publish(events[:1])
            wait_for(lambda: committed(server.url()) > 0)
            with psycopg.connect(server.url()) as lock:
                lock.execute("LOCK TABLE events")
                there.publish(events[1:])
                spool = here.project.state / "jobs" / "StreamSink-calls" / "spool"
                wait_for(lambda: sum(path.stat().st_size for path in spool.glob("*.spool")) > 700_000)
                state = there.until(lambda state: state["connections"])
                assert state["connections"][0]["confirmed"] < 6000
                assert sum(path.stat().st_size for path in spool.glob("*.spool")) <= 1_000_000
                lock.rollback()
            there.end()
            sink.end()
            here.holds(events)


def test_ctrl_c_finishes_what_is_in_hand(tmp_path: Path, database: str) -> None:
    events = interactions(3000, 5, keys=800, bad=0.05)
    with tenant(own_process=True) as there, running(tmp_path, database, there) as (here, sink):
        there.publish(events)
        received(there, 1000)
        sink.process.send_signal(signal.SIGINT)
        account = sink.end(code=130)
        assert account["pending"] == 0, "the database was there, so that nothing had to wait"
        assert account["read"] == account["accepted"] + account["rejected"]
        last = Sink(here, "--until-idle", "1")
        last.end()
        here.holds(events)


def test_two_sinks_at_once(tmp_path: Path, database: str) -> None:
    """On two machines, say: each has a project folder of its own."""
    events = interactions(3000, 6, keys=300, bad=0.05)
    with tenant(own_process=True) as there, running(tmp_path / "one", database, there) as (here, one):
        with running(tmp_path / "two", database, there) as (_, two):
            there.until(lambda state: len(state["connections"]) == 2)
            there.publish(events)
            there.until(lambda state: all(item["confirmed"] == 3000 for item in state["connections"]))
            there.close(1000)
            assert one.end()["read"] >= 3000
            assert two.end()["read"] >= 3000
        here.holds(events)


def test_one_machine_runs_a_sink_once(tmp_path: Path, database: str) -> None:
    with tenant(own_process=True) as there, running(tmp_path, database, there) as (here, sink):
        there.connected()
        assert "another run" in here.run().ok(1).all
        there.close(1000)
        sink.end()
