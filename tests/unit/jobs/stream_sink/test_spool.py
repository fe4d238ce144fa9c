"""The spool: order, bounds, and what is left after a crash at any point."""

from __future__ import annotations

import os
import resource
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.errors import SpoolUnusable
from reconciler.jobs.stream_sink.segment import HEADER_BYTES, PIECE_BYTES, segment_numbers, segment_path
from reconciler.jobs.stream_sink.spool import Spool, SpoolFull

MANY, LARGE = 10**6, 10**9
LIMIT = 10**8


def take_all(spool: Spool) -> list[bytes]:
    found = []
    while taken := spool.take(7, LARGE).messages:
        found += taken
    return found


def test_messages_come_back_in_order_with_their_times(tmp_path: Path) -> None:
    with Spool(tmp_path / "spool", limit_bytes=LIMIT) as spool:
        spool.append([b"a", b"", b"b" * 3000], 10.5)
        spool.append([b"c"], 11.0)
        assert (spool.pending, spool.unread) == (4, 4)
        first = spool.take(3, LARGE)
        assert (first.messages, first.received) == ([b"a", b"", b"b" * 3000], [10.5, 10.5, 10.5])
        assert spool.take(3, LARGE).messages == [b"c"]
        assert spool.take(3, LARGE).messages == []
        spool.append([b"d"], 12.0)
        assert spool.take(3, LARGE).received == [12.0]
        assert (spool.pending, spool.unread) == (5, 0)
        spool.commit(first)
        assert spool.pending == 2


def test_bytes_bound_what_is_taken_but_one_message_always_comes(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"x" * 100] * 10, 0.0)
        assert len(spool.take(MANY, 1).messages) == 1
        assert 2 <= len(spool.take(MANY, 350).messages) <= 4
        spool.append([b"y" * (3 * PIECE_BYTES), b"z"], 0.0)
        take_all_messages = take_all(spool)
        assert take_all_messages[-1] == b"z"
        assert len(take_all_messages[-2]) == 3 * PIECE_BYTES


def test_what_is_not_committed_is_there_again(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"%d" % number for number in range(10)], 1.0)
        spool.commit(spool.take(4, LARGE))
        spool.take(4, LARGE)
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        assert spool.recovered == spool.unread == spool.pending == 6
        assert take_all(spool) == [b"%d" % number for number in range(4, 10)]
        assert spool.damaged == []


def test_bytes_wait_only_while_messages_do(tmp_path: Path) -> None:
    """After any number of commits and of processes: bytes without a message once made a sink believe that it was done."""
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        assert spool.unread_bytes == 0
        for _ in range(4):
            spool.append([b"x" * 100] * 5, 1.0)
        whole = spool.unread_bytes
        spool.commit(spool.take(8, LIMIT))
        left = spool.unread_bytes
        assert 0 < left < whole
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        assert (spool.unread, spool.unread_bytes) == (12, left)
        spool.commit(spool.take(20, LIMIT))
        assert (spool.unread, spool.unread_bytes) == (0, 0)
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        assert spool.size_bytes > 8
        assert (spool.unread, spool.unread_bytes) == (0, 0)


def test_segments_follow_each_other_and_go_when_they_are_used_up(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        for number in range(50):
            spool.append([b"%04d" % number * 25], 0.0)
        assert len(segment_numbers(tmp_path)) > 5
        taken = spool.take(30, LARGE)
        spool.commit(taken)
        assert len(segment_numbers(tmp_path)) < 5
        assert spool.pending == 20
        spool.commit(spool.take(MANY, LARGE))
        assert spool.pending == 0
        assert len(segment_numbers(tmp_path)) == 1
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        assert spool.recovered == 0
        spool.append([b"after"], 0.0)
        assert take_all(spool) == [b"after"]


def test_a_full_spool_takes_nothing_until_something_is_committed(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=4000) as spool:
        appended = 0
        while spool.size_bytes + 216 <= 4000:
            spool.append([b"x" * 200], 0.0)
            appended += 1
        with pytest.raises(SpoolFull):
            spool.append([b"x" * 200], 0.0)
        assert spool.pending == appended
        assert spool.size_bytes <= 4000
        spool.commit(spool.take(appended, LARGE))
        spool.append([b"y" * 200], 0.0)
        assert take_all(spool) == [b"y" * 200]


def test_a_message_larger_than_the_limit_passes_alone(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=1000) as spool:
        spool.append([b"x" * 5000], 0.0)
        with pytest.raises(SpoolFull):
            spool.append([b"y"], 0.0)
        assert take_all(spool) == [b"x" * 5000]


def test_a_disk_without_room_leaves_no_half_of_a_write(tmp_path: Path) -> None:
    """The limit on the size of files stands for a full disk: writes end short, then fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"first"], 0.0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (600, hard))
        try:
            with pytest.raises(SpoolUnusable):
                spool.append([b"x" * 1000], 0.0)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        spool.append([b"second"], 0.0)
        assert take_all(spool) == [b"first", b"second"]
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        assert take_all(spool) == [b"first", b"second"]
        assert spool.damaged == []


def test_a_note_beyond_the_end_is_no_harm(tmp_path: Path) -> None:
    """After a power failure the note of what is committed may have survived, and the records not."""
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"a", b"b"], 0.0)
        spool.commit(spool.take(MANY, LARGE))
    os.truncate(segment_path(tmp_path, segment_numbers(tmp_path)[0]), HEADER_BYTES + 3)
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        assert spool.recovered == 0
        spool.append([b"c"], 0.0)
        assert take_all(spool) == [b"c"]


def test_a_removed_spool_begins_anew(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"a", b"b"], 0.0)
        spool.commit(spool.take(1, LARGE))
    for number in segment_numbers(tmp_path):
        segment_path(tmp_path, number).unlink()
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"c"], 0.0)
        assert take_all(spool) == [b"c"]


def test_damage_in_an_old_segment_costs_that_segment_only(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        for number in range(30):
            spool.append([b"%04d" % number * 25], 0.0)
    second = segment_path(tmp_path, segment_numbers(tmp_path)[1])
    data = bytearray(second.read_bytes())
    data[HEADER_BYTES + 150] ^= 1
    second.write_bytes(data)
    with Spool(tmp_path, limit_bytes=LIMIT, segment_bytes=1000) as spool:
        assert [path.suffix for path in spool.damaged] == [".damaged"]
        assert len(spool.damaged[0].read_bytes()) > 500
        numbers = [int(message[:4]) for message in take_all(spool)]
    assert numbers == [*range(9), *range(16, 30)], "eight messages a segment; the damage is in the second of the second"


def test_a_file_that_is_no_segment_is_set_aside(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"a", b"b"], 0.0)
        spool.commit(spool.take(1, LARGE))
    path = segment_path(tmp_path, 1)
    path.write_bytes(b"X" + path.read_bytes()[1:])
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        assert [file.name for file in spool.damaged] == ["000000000001.damaged"]
        assert spool.recovered == 0
        spool.append([b"c"], 0.0)
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        assert take_all(spool) == [b"c"]


def test_what_goes_bad_while_it_runs_is_an_error(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        spool.append([b"a" * 100], 0.0)
        path = segment_path(tmp_path, segment_numbers(tmp_path)[0])
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)
        with pytest.raises(SpoolUnusable, match="read back"):
            spool.take(1, LARGE)


def test_syncing(tmp_path: Path) -> None:
    with Spool(tmp_path, limit_bytes=LIMIT) as spool:
        assert spool.unsynced() is None
        spool.append([b"a"], 0.0)
        first = spool.unsynced()
        assert first is not None
        spool.append([b"b"], 0.0)
        first.run()
        spool.synced(first)
        second = spool.unsynced()
        assert second is not None
        second.run()
        spool.synced(second)
        assert spool.unsynced() is None
        spool.append([b"c"], 0.0)
        spool.commit(spool.take(MANY, LARGE))
        assert spool.unsynced() is None, "what is committed needs no disk"


_STEPS = st.lists(
    st.tuples(st.just("append"), st.lists(st.binary(max_size=60), min_size=1, max_size=5))
    | st.tuples(st.just("take"), st.integers(1, 6))
    | st.tuples(st.just("commit"), st.none()),
    max_size=25,
)


@given(
    steps=_STEPS,
    cut=st.integers(0, 400),
    garbage=st.binary(max_size=40),
    segment_bytes=st.sampled_from([80, 300, 10_000]),
)
def test_after_a_crash_what_was_appended_is_there_up_to_the_tear(
    steps: list[tuple[str, object]], cut: int, garbage: bytes, segment_bytes: int
) -> None:
    """Whatever was done, and wherever the last file is torn: no message twice, none out of order, none missing before the tear."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        appended: list[bytes] = []
        committed = 0
        taken = []
        with Spool(folder, limit_bytes=LIMIT, segment_bytes=segment_bytes) as spool:
            for step, value in steps:
                if step == "append":
                    assert isinstance(value, list)
                    messages = [b"%d:" % (len(appended) + index) + message for index, message in enumerate(value)]
                    spool.append(messages, float(len(appended)))
                    appended += messages
                elif step == "take":
                    assert isinstance(value, int)
                    taken.append(spool.take(value, LARGE))
                elif taken:
                    committed += len(taken[0].messages)
                    spool.commit(taken.pop(0))
        last = segment_path(folder, segment_numbers(folder)[-1])
        size = last.stat().st_size
        kept_bytes = max(HEADER_BYTES, size - cut)
        os.truncate(last, kept_bytes)
        with last.open("ab") as file:
            file.write(garbage)
        with Spool(folder, limit_bytes=LIMIT, segment_bytes=segment_bytes) as spool:
            found = take_all(spool)
            left = appended[committed:]
            assert found == left[: len(found)], "a prefix of what was not committed"
            lost = sum(len(message) + 16 for message in left[len(found) :])
            assert lost < (size - kept_bytes) + 76 if size > kept_bytes else lost == 0
            spool.append([b"next"], 0.0)
            assert take_all(spool) == [b"next"]
        with Spool(folder, limit_bytes=LIMIT, segment_bytes=segment_bytes) as spool:
            assert take_all(spool) == [*found, b"next"]
