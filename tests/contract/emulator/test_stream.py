"""The stream's WebSocket: delivery, repeats and closes (contract: Operations)."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from websockets.exceptions import ConnectionClosed

from tests.contract.emulator.bodies import STREAMS, created, match, path_of, stream
from tests.contract.emulator.streams import event, publish
from tests.support.emulator import RunningEmulator, emulator_process, running_emulator
from tests.support.stream import TIMEOUT_SECONDS, deaf, listening, read, until

ABNORMAL = 1006


def test_events_arrive_in_order_one_a_message(emulator: RunningEmulator, calls: str) -> None:
    before, after = [event(n) for n in range(3)], [event(n) for n in range(3, 1000)]
    assert publish(emulator, calls, *before) == {"published": 3, "first": 1, "last": 3}
    with listening(emulator, calls) as connection:
        assert read(connection, 3) == before
        publish(emulator, calls, *after)
        assert read(connection, len(after)) == after
    entry = next(e for e in emulator.requests() if e["path"].startswith("/data-actions/"))
    assert (entry["method"], entry["status"], entry["clientId"]) == ("GET", 101, "local")


def test_what_is_no_json_can_be_published_too(emulator: RunningEmulator, calls: str) -> None:
    emulator.control("POST", f"streams/{calls}/events", {"events": [None, 7], "texts": ["{no json", "ü"]})
    with listening(emulator, calls) as connection:
        assert [connection.recv(TIMEOUT_SECONDS) for _ in range(4)] == ["null", "7", "{no json", "ü"]


def test_each_connection_gets_everything(emulator: RunningEmulator, calls: str) -> None:
    with listening(emulator, calls) as one, listening(emulator, calls) as other:
        publish(emulator, calls, event(1), event(2))
        assert read(one, 2) == read(other, 2) == [event(1), event(2)]


def test_streams_are_apart(api: httpx.Client, emulator: RunningEmulator, calls: str) -> None:
    chats = created(api, STREAMS, stream(api, name="chats"))["id"]
    publish(emulator, calls, event(1))
    publish(emulator, chats, event(2))
    with listening(emulator, chats) as connection:
        assert read(connection, 1) == [event(2)]


def test_what_a_client_says_is_passed_over(emulator: RunningEmulator, calls: str) -> None:
    with listening(emulator, calls) as connection:
        connection.send('{"ack": 1}')
        connection.send(b"\x00")
        publish(emulator, calls, event(1))
        assert read(connection, 1) == [event(1)]


def break_off(emulator: RunningEmulator, id_: str, code: int = ABNORMAL) -> None:
    emulator.control("POST", f"streams/{id_}/close", {"code": code})
    until(emulator, id_, lambda state: not state["connections"])


@pytest.mark.parametrize("code", [ABNORMAL, 1011, 1012, 4001])
def test_the_last_seconds_before_a_break_are_repeated(emulator: RunningEmulator, calls: str, code: int) -> None:
    with listening(emulator, calls) as connection:
        publish(emulator, calls, event(1), event(2))
        assert read(connection, 2) == [event(1), event(2)]
        until(emulator, calls, lambda state: bool(state["connections"][0]["confirmed"] == 2))
        break_off(emulator, calls, code)
    with listening(emulator, calls) as connection:
        publish(emulator, calls, event(3))
        assert read(connection, 3) == [event(1), event(2), event(3)]


def test_what_arrived_long_before_the_break_is_not_repeated(emulator: RunningEmulator, calls: str) -> None:
    with listening(emulator, calls) as connection:
        publish(emulator, calls, event(1))
        read(connection, 1)
        until(emulator, calls, lambda state: bool(state["connections"][0]["confirmed"] == 1))
        emulator.control("POST", "clock", {"advanceSeconds": 60})
        publish(emulator, calls, event(2))
        read(connection, 1)
        break_off(emulator, calls)
    publish(emulator, calls, event(3))
    with listening(emulator, calls) as connection:
        assert read(connection, 2) == [event(2), event(3)]


def test_repeats_end_however_often_the_connection_breaks(emulator: RunningEmulator, calls: str) -> None:
    publish(emulator, calls, event(1))
    with listening(emulator, calls) as connection:
        assert read(connection, 1) == [event(1)]
        until(emulator, calls, lambda state: bool(state["connections"][0]["confirmed"] == 1))
        emulator.control("POST", "clock", {"advanceSeconds": 6})
        break_off(emulator, calls, 4001)
    with listening(emulator, calls) as connection:
        assert read(connection, 1) == [event(1)]
        emulator.control("POST", "clock", {"advanceSeconds": 6})
        break_off(emulator, calls, 4001)
    publish(emulator, calls, event(2))
    with listening(emulator, calls) as connection:
        assert read(connection, 1) == [event(2)]


def test_what_was_sent_but_never_read_is_repeated_however_old(emulator: RunningEmulator, calls: str) -> None:
    with deaf(emulator, calls):
        publish(emulator, calls, event(1), event(2))
        state = until(emulator, calls, lambda state: bool(state["connections"][0]["sent"] == 2))
        assert state["connections"][0]["confirmed"] == 0
        emulator.control("POST", "clock", {"advanceSeconds": 60})
    until(emulator, calls, lambda state: not state["connections"])
    with listening(emulator, calls) as connection:
        assert read(connection, 2) == [event(1), event(2)]


def test_a_return_that_overtakes_the_break_misses_nothing(emulator: RunningEmulator, calls: str) -> None:
    with deaf(emulator, calls):
        publish(emulator, calls, event(1))
        until(emulator, calls, lambda state: bool(state["connections"][0]["sent"] == 1))
        with listening(emulator, calls) as connection:
            assert read(connection, 1) == [event(1)]


def test_a_slow_reader_is_held_back_and_loses_nothing(emulator: RunningEmulator, calls: str) -> None:
    count, filler = 400, "x" * 100_000
    with deaf(emulator, calls) as connection:
        publish(emulator, calls, *[event(n, filler=filler) for n in range(count)])
        with listening(emulator, calls) as other:  # who reads gets on, whatever the slow one does
            assert [e["attributes"]["duration"] for e in read(other, count)] == list(range(count))
        held = emulator.control("GET", f"streams/{calls}")["connections"][0]
        assert 0 < held["sent"] < count
        received = bytearray()
        while received.count(b'"idempotencyKey"') < count:
            received += connection.recv(1 << 20)
    keys = [part.split(b'"', 1)[0] for part in bytes(received).split(b'"idempotencyKey":"')[1:]]
    assert keys == [b"k-%d" % n for n in range(count)]


def closed_with(connection: Any) -> tuple[int, str]:
    with pytest.raises(ConnectionClosed) as closed:
        connection.recv(TIMEOUT_SECONDS)
    assert closed.value.rcvd is not None
    return closed.value.rcvd.code, closed.value.rcvd.reason


@pytest.mark.parametrize("code", [1000, 1008, 1011, 1012, 4001])
def test_closes_that_a_control_asks_for(emulator: RunningEmulator, calls: str, code: int) -> None:
    with listening(emulator, calls) as one, listening(emulator, calls) as other:
        answer = emulator.control("POST", f"streams/{calls}/close", {"code": code, "reason": "why not"})
        assert answer == {"closed": 2}
        assert closed_with(one) == closed_with(other) == (code, "why not")


@pytest.mark.parametrize("code", [0, 1004, 1005, 1015, 2000, 5000])
def test_no_close_with_a_code_that_none_may_send(api: httpx.Client, calls: str, code: int) -> None:
    assert api.post(f"/_emulator/streams/{calls}/close", json={"code": code}).status_code == 400


def test_a_token_that_expires_while_connected(emulator: RunningEmulator, calls: str) -> None:
    with listening(emulator, calls) as connection:
        emulator.control("POST", "clock", {"advanceSeconds": 3601})
        assert closed_with(connection)[0] == 4001
    with listening(emulator, calls) as connection:
        publish(emulator, calls, event(1))
        assert read(connection, 1) == [event(1)]


def test_a_stream_that_is_paused_or_deleted_while_connected(
    api: httpx.Client, emulator: RunningEmulator, calls: str
) -> None:
    found = api.get(path_of(STREAMS, {"id": calls})).json()
    with listening(emulator, calls) as connection:
        paused = api.patch(path_of(STREAMS, found), json={"status": "PAUSED"}, headers=match(found)).json()
        assert closed_with(connection)[0] == 1012
    active = api.patch(path_of(STREAMS, found), json={"status": "ACTIVE"}, headers=match(paused)).json()
    with listening(emulator, calls) as connection:
        assert api.delete(path_of(STREAMS, found), headers=match(active)).status_code == 204
        assert closed_with(connection)[0] == 1000
    assert api.post(f"/_emulator/streams/{calls}/events", json={}).status_code == 404


def test_a_restart_closes_and_goes_on_where_it_was(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with emulator_process(state=state) as emulator, emulator.client() as api:
        calls = created(api, STREAMS, stream(api))["id"]
        publish(emulator, calls, event(1))
        token = emulator.token()
        connection = listening(emulator, calls, token)
        opened = connection.__enter__()
        assert read(opened, 1) == [event(1)]
        publish(emulator, calls, event(2))
        deaf_one = deaf(emulator, calls)
        deaf_one.__enter__()
    assert read(opened, 1) == [event(2)]
    assert closed_with(opened)[0] == 1012
    connection.__exit__(None, None, None)
    deaf_one.__exit__(None, None, None)
    with emulator_process(state=state) as emulator, listening(emulator, calls, token) as opened:
        assert read(opened, 2) == [event(1), event(2)]


def test_what_another_process_publishes_is_delivered(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with emulator_process(state=state) as one, running_emulator(state=state) as other, one.client() as api:
        calls = created(api, STREAMS, stream(api))["id"]
        with listening(one, calls) as connection:
            publish(other, calls, event(1))
            assert read(connection, 1) == [event(1)]


def test_a_failing_server_says_so(tmp_path: Path) -> None:
    state = tmp_path / "state.sqlite"
    with running_emulator(state=state) as emulator, emulator.client() as api:
        calls = created(api, STREAMS, stream(api))["id"]
        with listening(emulator, calls) as connection:
            with sqlite3.connect(state) as database:
                database.execute("DROP TABLE events")
            database.close()
            assert closed_with(connection)[0] == 1011
