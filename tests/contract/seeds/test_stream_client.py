"""The client that stores a stream of interaction events into PostgreSQL (contract: Operations, WebSocket).

It is written anew by what the contract's source does: a token from ``/oauth/token``, cached until half a minute before
its end; the token in the handshake; every event checked, flattened and upserted in a transaction of its own; another
try after every close but 1000; a handshake refused with 401 or 403 drops the token. Its own defects are mended: a close
with 4001 or 1008 drops the token too (unless a test asks for it as it was), and a token request that fails is only
one more failed try. Tries follow each other at once here, not after 5 s.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx
import jsonschema_rs
import psycopg
import pytest
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus
from websockets.sync.client import connect

from tests.contract.emulator.bodies import STREAMS, created, match, path_of, stream
from tests.support.emulator import RunningEmulator, running_emulator
from tests.support.postgres import rows
from tests.support.stream import PATIENCE_SECONDS, address, until

TOKEN_EXPIRED = (4001, 1008)

TABLE = """CREATE TABLE IF NOT EXISTS cxone_events (
    id serial PRIMARY KEY,
    interaction_id varchar(255) NOT NULL,
    timestamp timestamptz NOT NULL,
    type varchar(50) NOT NULL,
    idempotency_key varchar(255) UNIQUE NOT NULL,
    duration integer,
    disposition varchar(255),
    queue_name varchar(255),
    agent_id varchar(255),
    updated_at timestamptz DEFAULT now()
)"""

UPSERT = """INSERT INTO cxone_events
    (interaction_id, timestamp, type, idempotency_key, duration, disposition, queue_name, agent_id, updated_at)
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, now())
    ON CONFLICT (idempotency_key) DO UPDATE SET duration = excluded.duration, disposition = excluded.disposition,
    queue_name = excluded.queue_name, agent_id = excluded.agent_id, updated_at = now()"""

_NULLABLE_TEXT = {"type": ["string", "null"]}
SCHEMA = {
    "type": "object",
    "required": ["interactionId", "timestamp", "type", "idempotencyKey"],
    "additionalProperties": False,
    "properties": {
        "interactionId": {"type": "string", "minLength": 1},
        "timestamp": {"type": "string", "format": "date-time"},
        "type": {"enum": ["call", "chat", "email", "callback"]},
        "idempotencyKey": {"type": "string", "pattern": "^[a-zA-Z0-9_-]+$"},
        "attributes": {
            "type": "object",
            "properties": {
                "duration": {"type": ["number", "null"]},
                "disposition": _NULLABLE_TEXT,
                "queueName": _NULLABLE_TEXT,
                "agentId": _NULLABLE_TEXT,
            },
        },
    },
}
VALID = jsonschema_rs.validator_for(SCHEMA, validate_formats=True)


@dataclass
class StreamClient:
    """The client; ``run`` returns after a close with 1000, or once ``stopped`` is set."""

    emulator: RunningEmulator
    stream: str
    database: str
    drops_token_on_close: bool = True
    stopped: threading.Event = field(default_factory=threading.Event)
    closes: list[int] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    dropped: list[Any] = field(default_factory=list)
    _token: str | None = None
    _token_ends: float = 0.0

    def token(self, retries: int = 3) -> str:
        if self._token is not None and time.time() < self._token_ends:
            return self._token
        form = {"grant_type": "client_credentials", "client_id": "local", "client_secret": "local-secret"}
        form["scope"] = "data-actions:read"
        answer = httpx.post(f"{self.emulator.url}/oauth/token", data=form, trust_env=False, verify=False)
        if answer.status_code == 429 and retries:
            time.sleep(int(answer.headers.get("Retry-After", "5")))
            return self.token(retries - 1)
        body = answer.raise_for_status().json()
        assert "data-actions:read" in body["scope"].split()
        self._token, self._token_ends = body["access_token"], time.time() + body["expires_in"] - 30
        return str(self._token)

    def run(self) -> None:
        with psycopg.connect(self.database) as connection:
            connection.execute(TABLE)
            connection.commit()
            while not self.stopped.is_set():
                try:
                    code = self._listen(connection)
                except httpx.HTTPError:
                    continue
                except InvalidStatus as refused:
                    self.refusals.append(refused.response.status_code)
                    if refused.response.status_code in (401, 403):
                        self._token = None
                    continue
                except (InvalidHandshake, OSError):
                    self.refusals.append(0)
                    continue
                self.closes.append(code)
                if code == 1000:
                    return
                if code in TOKEN_EXPIRED and self.drops_token_on_close:
                    self._token = None

    def _listen(self, connection: psycopg.Connection) -> int:
        headers = {"Authorization": f"Bearer {self.token()}", "Accept": "application/json"}
        url = address(self.emulator, self.stream)
        with connect(url, additional_headers=headers, proxy=None) as socket:
            try:
                for message in socket:
                    self._store(connection, json.loads(message))
            except ConnectionClosed:
                pass
            return 1006 if socket.close_code is None else socket.close_code

    def _store(self, connection: psycopg.Connection, event: Any) -> None:
        if not VALID.is_valid(event):
            self.dropped.append(event)
            return
        more = event.get("attributes", {})
        flat = [more.get(name) for name in ("duration", "disposition", "queueName", "agentId")]
        keys = ("interactionId", "timestamp", "type", "idempotencyKey")
        with connection.transaction():
            connection.execute(UPSERT, [*(event[key] for key in keys), *flat])


@contextmanager
def running(client: StreamClient) -> Iterator[StreamClient]:
    """Run a client in a thread until the block ends, by ending its stream."""
    thread = threading.Thread(target=client.run)
    thread.start()
    try:
        yield client
    finally:
        client.stopped.set()
        while thread.is_alive():
            client.emulator.control("POST", f"streams/{client.stream}/close", {"code": 1000})
            thread.join(0.05)


@pytest.fixture
def calls(emulator: RunningEmulator) -> str:
    with emulator.client() as api:
        return str(created(api, STREAMS, stream(api))["id"])


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as served:
        yield served


def event(number: int, **more: Any) -> dict[str, Any]:
    fields = {"interactionId": f"i-{number}", "timestamp": "2026-01-02T03:04:05.678Z", "type": "call"}
    attributes = {"duration": number, "disposition": "resolved", "queueName": "billing", "agentId": None, "more": [1]}
    return fields | {"idempotencyKey": f"k-{number}", "attributes": attributes} | more


def publish(emulator: RunningEmulator, id_: str, *events: Any) -> None:
    emulator.control("POST", f"streams/{id_}/events", {"events": events})


def stored(database: str) -> list[tuple[Any, ...]]:
    return rows(database, "SELECT idempotency_key, duration, queue_name, agent_id FROM cxone_events ORDER BY id")


def wait(holds: Callable[[], bool]) -> None:
    """Wait for what the client does; gives up only where it never would."""
    ends = time.monotonic() + PATIENCE_SECONDS
    while not holds():
        assert time.monotonic() < ends


def connected(emulator: RunningEmulator, id_: str) -> None:
    until(emulator, id_, lambda state: len(state["connections"]) == 1)


def confirmed(emulator: RunningEmulator, id_: str, count: int) -> None:
    until(emulator, id_, lambda state: [c["confirmed"] for c in state["connections"]] == [count])


def token_requests(emulator: RunningEmulator) -> int:
    """Count the client's own; the fixture's is the first."""
    return sum(request["path"] == "/oauth/token" for request in emulator.requests()) - 1


def test_events_are_stored_and_invalid_ones_dropped(emulator: RunningEmulator, calls: str, database: str) -> None:
    bad = [
        event(5, type="fax"),
        event(6, idempotencyKey="no key"),
        event(7, extra=1),
        {"type": "call"},
        event(8, timestamp="now"),
    ]
    bare = event(4)
    del bare["attributes"]
    with running(StreamClient(emulator, calls, database)) as client:
        publish(emulator, calls, event(1), *bad, event(2), event(1, attributes={"duration": 99}), bare)
        confirmed(emulator, calls, 9)
    assert client.dropped == bad
    assert stored(database) == [("k-1", 99, None, None), ("k-2", 2, "billing", None), ("k-4", None, None, None)]
    assert client.closes[-1] == 1000


def test_another_try_after_every_close_but_the_last(emulator: RunningEmulator, calls: str, database: str) -> None:
    codes = (1011, 1012, 1006, 4000)
    with running(StreamClient(emulator, calls, database)) as client:
        for number, code in enumerate(codes, start=1):
            connected(emulator, calls)
            publish(emulator, calls, event(number))
            confirmed(emulator, calls, number)
            emulator.control("POST", f"streams/{calls}/close", {"code": code})
            wait(lambda so_far=number: len(client.closes) == so_far)
        connected(emulator, calls)
    assert client.closes == [*codes, 1000]
    assert [row[0] for row in stored(database)] == ["k-1", "k-2", "k-3", "k-4"]
    assert token_requests(emulator) == 1


@pytest.mark.parametrize("mended", [True, False])
def test_a_token_that_ends_while_connected_is_renewed(
    emulator: RunningEmulator, calls: str, database: str, mended: bool
) -> None:
    with running(StreamClient(emulator, calls, database, drops_token_on_close=mended)) as client:
        connected(emulator, calls)
        emulator.control("POST", "clock", {"advanceSeconds": 3601})
        wait(lambda: client.closes == [4001])
        publish(emulator, calls, event(1))
        confirmed(emulator, calls, 1)
    assert stored(database) == [("k-1", 1, "billing", None)]
    assert token_requests(emulator) == 2
    assert client.refusals == ([] if mended else [401])


def test_a_paused_stream_is_waited_for(emulator: RunningEmulator, calls: str, database: str) -> None:
    with emulator.client() as api:
        path = path_of(STREAMS, {"id": calls})
        paused = api.patch(path, json={"status": "PAUSED"}, headers=match(api.get(path).json())).json()
        publish(emulator, calls, event(1))
        with running(StreamClient(emulator, calls, database)) as client:
            wait(lambda: len(client.refusals) > 1)
            api.patch(path, json={"status": "ACTIVE"}, headers=match(paused))
            confirmed(emulator, calls, 1)
    assert set(client.refusals) == {409}
    assert len(stored(database)) == 1


def test_a_busy_token_endpoint_and_lost_handshakes(emulator: RunningEmulator, calls: str, database: str) -> None:
    busy = {"status": 429, "headers": {"Retry-After": "0"}}
    effects = [
        ("/oauth/token", 3, busy),
        ("/data-actions/*", 2, {"drop": "before"}),
        ("/data-actions/*", 1, {"status": 403}),
    ]
    rules = [{"match": {"path": path}, "times": times, "effect": effect} for path, times, effect in effects]
    emulator.control("POST", "faults", {"rules": rules})
    publish(emulator, calls, event(1))
    with running(StreamClient(emulator, calls, database)) as client:
        confirmed(emulator, calls, 1)
    assert client.refusals == [0, 0, 403]
    assert token_requests(emulator) == 5  # three refused, one given, one more after the 403
    assert len(stored(database)) == 1


def test_a_token_endpoint_that_fails_is_one_failed_try(emulator: RunningEmulator, calls: str, database: str) -> None:
    rule = {"match": {"path": "/oauth/token"}, "times": 2, "effect": {"status": 503}}
    emulator.control("POST", "faults", {"rules": [rule]})
    publish(emulator, calls, event(1))
    with running(StreamClient(emulator, calls, database)):
        confirmed(emulator, calls, 1)
    assert len(stored(database)) == 1
