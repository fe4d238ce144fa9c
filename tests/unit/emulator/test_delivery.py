"""What a connection has been given, and where its successor begins."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.emulator.clock import Clock
from reconciler.emulator.delivery import REPEAT_SECONDS, Delivery, Place, hindmost
from reconciler.emulator.event_log import REMEMBERED_SECONDS, EventLog, Published
from reconciler.emulator.store import Store
from reconciler.emulator.streams import Streams


def test_what_was_confirmed_lately_is_repeated() -> None:
    delivery = Delivery(Place(5))
    delivery.confirm(8, now=100.0)
    delivery.confirm(9, now=105.0)
    assert delivery.confirmed == 9
    assert delivery.resume_at(now=109.0).position == 5
    assert delivery.resume_at(now=100.0 + REPEAT_SECONDS).position == 8
    assert delivery.resume_at(now=500.0).position == delivery.confirmed == 9


def test_a_repeat_is_no_new_arrival() -> None:
    first = Delivery(Place())
    first.confirm(3, now=100.0)
    second = Delivery(first.resume_at(now=105.0))
    assert (second.position, second.confirmed) == (0, 0)
    second.confirm(2, now=106.0)
    second.confirm(3, now=106.0)
    second.confirm(4, now=107.0)
    assert second.resume_at(now=109.0) == Place(0, ((100.0, 3), (107.0, 4)))
    assert second.resume_at(now=100.0 + REPEAT_SECONDS) == Place(3, ((107.0, 4),))


def test_of_several_places_what_came_later_counts() -> None:
    early, late = Place(0, [(1.0, 4), (3.0, 9)]), Place(2, [(2.0, 5)])
    assert hindmost([early, late]) == hindmost([late, early]) == Place(0, ((2.0, 4), (3.0, 5)))
    assert hindmost([]) == Place()


def test_a_state_of_an_earlier_version_is_brought_up_to_date(tmp_path: Path) -> None:
    store = Store(tmp_path / "state.sqlite", ["EventStream"], show_etags=True)
    store.connection.execute("CREATE TABLE breaks (stream TEXT, client TEXT, position INTEGER, at REAL)")
    store.connection.execute("INSERT INTO breaks VALUES ('s1', 'ada', 7, 1.0)")
    log = EventLog(store)
    assert log.return_of("s1", "ada", now=2.0) == Place(7)
    log.broke("s1", "ada", Place(8, [(1.0, 9)]), now=2.0)
    assert log.return_of("s1", "ada", now=3.0) == Place(8, ((1.0, 9),))


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(0, 50)), max_size=30), st.floats(0, 30))
def test_never_later_than_what_was_confirmed_long_enough_ago(steps: list[tuple[float, int]], rest: float) -> None:
    delivery, now, position = Delivery(Place()), 0.0, 0
    confirmed: list[tuple[float, int]] = []
    for wait, count in steps:
        now, position = now + wait, position + count
        delivery.confirm(position, now)
        confirmed.append((now, position))
    now += rest
    settled = [position for at, position in confirmed if at <= now - REPEAT_SECONDS]
    assert delivery.resume_at(now).position == max(settled, default=0)


@pytest.fixture
def store() -> Store:
    return Store(None, ["EventStream"], show_etags=True)


def test_the_log_numbers_each_stream_by_itself(store: Store) -> None:
    log = EventLog(store)
    assert log.last("s1") == 0
    assert (log.append("s1", [b"a", b"b"]), log.append("s2", [b"c"])) == (Published(1, 2), Published(1, 1))
    assert log.append("s1", [b"d"]) == Published(3, 3)
    assert log.after("s1", 0, 1000) == [b"a", b"b", b"d"]
    assert log.after("s1", 1, 1) == [b"b"]
    assert log.after("s1", 3, 1000) == []


def test_the_log_outlives_its_process(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite"
    EventLog(Store(path, ["EventStream"], show_etags=True)).append("s1", [b"a"])
    assert EventLog(Store(path, ["EventStream"], show_etags=True)).after("s1", 0, 1000) == [b"a"]


def test_of_several_that_broke_each_begins_with_the_hindmost(store: Store) -> None:
    log = EventLog(store)
    log.broke("s1", "ada", Place(30), now=0.0)
    log.broke("s1", "ada", Place(10), now=1.0)
    log.broke("s1", "bob", Place(5), now=1.0)
    log.broke("s2", "ada", Place(1), now=1.0)
    assert log.return_of("s1", "ada", now=2.0) == Place(10)
    assert log.return_of("s1", "ada", now=2.0) == Place(10)
    assert log.return_of("s1", "ada", now=2.0) is None
    assert log.return_of("s1", "bob", now=2.0 + REMEMBERED_SECONDS) is None


def test_a_new_client_begins_at_the_beginning_and_a_second_one_with_the_first(store: Store) -> None:
    streams = Streams(store, Clock(lambda: 0.0))
    streams.publish("s1", [b"%d" % n for n in range(9)])
    first = streams.connect("s1", "ada", 0.0)
    assert first.delivery.position == 0
    first.delivery.confirm(4, now=0.0)  # long ago, by a clock that says what year it is
    assert streams.connect("s1", "ada", 0.0).delivery.position == 4
    assert streams.connect("s1", "bob", 0.0).delivery.position == 0
    streams.disconnect(first)
    assert [connection.client_id for connection in streams.connections("s1")].count("ada") == 1
