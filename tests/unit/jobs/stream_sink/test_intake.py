"""What arrives is in the spool, whatever ends the intake."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from reconciler.errors import NotFound, SpoolUnusable
from reconciler.jobs.metrics import JobMetrics
from reconciler.jobs.stream_sink.intake import Intake
from reconciler.jobs.stream_sink.replay import FileSource
from reconciler.jobs.stream_sink.spool import Spool
from reconciler.jobs.stream_sink.tally import Tally
from tests.support.cxone import in_loop


class Lines:
    """A source that gives what it was made with, then waits, ends or fails; ``rest`` arrives while it is left."""

    def __init__(self, *pieces: list[bytes], rest: list[bytes] | None = None, then: str = "wait") -> None:
        self._pieces = list(pieces)
        self._rest = rest or []
        self._then = then
        self.left = False

    async def connect(self) -> None:
        await anyio.lowlevel.checkpoint()

    async def receive(self) -> list[bytes] | None:
        await anyio.lowlevel.checkpoint()
        if self._pieces:
            return self._pieces.pop(0)
        if self._then == "fail":
            raise NotFound("it is gone")
        if self._then == "wait":
            await anyio.sleep_forever()
        return None

    def leftover(self) -> list[bytes]:
        assert self.left
        return self._rest

    async def aclose(self) -> None:
        self.left = True


def intake_of(source: Lines, spool: Spool, warn: Callable[[str], None] = lambda _: None, **limits: float) -> Intake:
    given = {"max_events": None, "until_idle": None, **limits}
    return Intake(source, spool, Tally(JobMetrics("x")), warn, **given)  # type: ignore[arg-type]


def spooled(spool: Spool) -> list[bytes]:
    return spool.take(10**6, 10**9).messages


@in_loop
async def test_the_end_of_the_source(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=10**6) as spool:
        intake = intake_of(Lines([b"a", b"b"], [b"c"], then="end"), spool)
        await intake.run()
        assert intake.over.is_set()
        assert spooled(spool) == [b"a", b"b", b"c"]


@in_loop
async def test_what_had_arrived_when_it_was_stopped_is_kept(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=10**6) as spool:
        source = Lines([b"a"], rest=[b"b", b"c"])
        intake = intake_of(source, spool)
        async with anyio.create_task_group() as group:
            group.start_soon(intake.run)
            while not spool.unread:
                await anyio.lowlevel.checkpoint()
            intake.stop()
        assert source.left
        assert spooled(spool) == [b"a", b"b", b"c"]


@in_loop
async def test_what_had_arrived_when_everything_was_cancelled_is_kept(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=10**6) as spool:
        async with anyio.create_task_group() as group:
            group.start_soon(intake_of(Lines([b"a"], rest=[b"b"]), spool).run)
            while not spool.unread:
                await anyio.lowlevel.checkpoint()
            group.cancel_scope.cancel()
        assert spooled(spool) == [b"a", b"b"]


@in_loop
async def test_what_ended_the_source_before_its_time_is_told(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=10**6) as spool:
        intake = intake_of(Lines([b"a"], rest=[b"b"], then="fail"), spool)
        await intake.run()
        assert isinstance(intake.error, NotFound)
        assert spooled(spool) == [b"a", b"b"]


@in_loop
async def test_limits(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=10**6) as spool:
        await intake_of(Lines([b"a"], [b"b", b"c"], [b"d"]), spool, max_events=2).run()
        assert spooled(spool) == [b"a", b"b", b"c"], "what came with the last one is kept"
        await intake_of(Lines([b"e"]), spool, until_idle=0.01).run()
        assert spooled(spool) == [b"e"]


@in_loop
async def test_a_full_spool_is_waited_for_with_the_messages_in_hand(tmp_path: Path) -> None:
    said: list[str] = []
    with Spool(tmp_path, limit_bytes=2000) as spool:
        intake = intake_of(Lines([b"x" * 1500], [b"y" * 1500], [b"z"], then="end"), spool, said.append)
        async with anyio.create_task_group() as group:
            group.start_soon(intake.run)
            while not said:
                await anyio.lowlevel.checkpoint()
            assert "full" in said[0]
            found: list[bytes] = []
            while not (intake.over.is_set() and spool.unread == 0):
                taken = spool.take(1, 10**9)
                found += taken.messages
                spool.commit(taken)
                intake.made_room()
                await anyio.lowlevel.checkpoint()
        assert found == [b"x" * 1500, b"y" * 1500, b"z"]
        assert "room again" in said[1]


@in_loop
async def test_a_stop_while_the_spool_is_full(tmp_path: Path) -> None:
    """What is in hand finds no room: it is said, and the server repeats it."""
    said: list[str] = []
    with Spool(tmp_path, limit_bytes=2000) as spool:
        intake = intake_of(Lines([b"x" * 1500], [b"y" * 1500]), spool, said.append)
        async with anyio.create_task_group() as group:
            group.start_soon(intake.run)
            while not said:
                await anyio.lowlevel.checkpoint()
            intake.stop()
        assert "1 events that had just arrived found no room" in said[1]


@in_loop
async def test_a_disk_that_refuses_ends_it(tmp_path: Path) -> None:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Spool(tmp_path, limit_bytes=10**6) as spool:
        intake = intake_of(Lines([b"x" * 1500], then="end"), spool)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))
        try:
            await intake.run()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert isinstance(intake.error, SpoolUnusable)


@in_loop
async def test_a_file_in_place_of_the_stream(tmp_path: Path) -> None:
    file = tmp_path / "events.ndjson"
    file.write_bytes(b'{"a": 1}\n\n  \r\n{"b": 2}\r\n{"c": 3}')
    with Spool(tmp_path / "spool", limit_bytes=10**6) as spool:
        intake = Intake(FileSource(file), spool, Tally(JobMetrics("x")), print, max_events=None, until_idle=None)
        await intake.run()
        assert spooled(spool) == [b'{"a": 1}', b'{"b": 2}', b'{"c": 3}']


@pytest.mark.parametrize("seconds", [0.0, 5.0])
def test_the_rate_counts_from_the_first_event_to_the_last_commit(
    seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [100.0]
    monkeypatch.setattr("reconciler.jobs.stream_sink.tally.time.monotonic", lambda: now[0])
    tally = Tally(JobMetrics("x"))
    assert tally.rate == 0.0
    tally.keep(10)
    now[0] += seconds
    tally.wrote(8, 2)
    now[0] += 1000
    assert tally.rate == 10 / (seconds or 0.001)
