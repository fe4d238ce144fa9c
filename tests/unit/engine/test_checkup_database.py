"""What the check-up says of sinks' databases; no password and no URL is ever in it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest

import reconciler.engine.checkup_database as checkup_database
from reconciler.core.resource import Key
from reconciler.core.values import Secret
from reconciler.engine.checkup_database import check_databases
from reconciler.kinds import load_kinds
from reconciler.loading.manifest import Job
from tests.support.cxone import closed_port

pytest.importorskip("psycopg")
from tests.support.postgres_fixtures import database, postgres  # noqa: F401

SPEC = {
    "streamRef": "s",
    "eventSchema": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
    "table": {"name": "t", "columns": {"id": "text"}, "conflictKey": "id"},
}


def sink(name: str, value: object = None) -> Job:
    spec = {**SPEC, **({"database": value} if value is not None else {})}
    plain = {**spec, "database": "placeholder"}
    return Job(
        Key("StreamSink", name), spec, load_kinds()["StreamSink"].spec.model_validate(spec if value is None else plain)
    )


def test_only_sinks_have_one() -> None:
    spec = {"connectorRef": "crm"}
    job = Job(Key("ConnectorSync", "a"), spec, load_kinds()["ConnectorSync"].spec.model_validate(spec))
    assert check_databases([job]) == []
    assert check_databases([]) == []


def test_embedded_with_and_without_what_starts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    (found,) = check_databases([sink("a"), sink("b", "embedded:")])
    assert (found.state, found.message) == ("ok", "embedded, started when a sink runs (StreamSink/a, StreamSink/b)")
    monkeypatch.setattr(checkup_database, "find_spec", lambda _: None)
    embedded, url = check_databases([sink("a"), sink("b", "postgresql://db/x")])
    assert (embedded.state, url.state) == ("warn", "warn")
    assert "reconciler[sink]" in embedded.fix
    assert "reconciler[sink]" in url.fix


def test_one_that_connects(database: str) -> None:  # noqa: F811
    (found,) = check_databases([sink("a", Secret("env:URL", database))])
    assert (found.state, found.fix) == ("ok", "")
    assert "connects, PostgreSQL " in found.message


def test_a_database_that_is_not_there(database: str) -> None:  # noqa: F811
    url = urlsplit(database)._replace(path="/no_such_database").geturl()
    (found,) = check_databases([sink("a", url)])
    assert found.state == "FAIL"
    assert found.message.startswith("no_such_database on ")
    assert "create the database" in found.fix


def test_nobody_there() -> None:
    with closed_port() as port:
        (found,) = check_databases([sink("a", Secret("env:URL", f"postgresql://u:hunter2@127.0.0.1:{port}/events"))])
    assert (found.state, found.message) == ("FAIL", "events on 127.0.0.1 cannot be reached (StreamSink/a)")
    assert "hunter2" not in str(found)


@contextmanager
def refusing() -> Iterator[tuple[int, list[bytes]]]:
    """A server that asks for the password, hears it, and says in its refusal what it heard."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                length, code = struct.unpack("!ii", stream.read(8))
                rest = stream.read(length - 8)
                if code in (80877103, 80877104):  # TLS or GSS asked for: no
                    connection.sendall(b"N")
                    length, _ = struct.unpack("!ii", stream.read(8))
                    rest = stream.read(length - 8)
                heard.append(rest)
                connection.sendall(b"R" + struct.pack("!ii", 8, 3))
                kind = stream.read(1)
                if kind != b"p":
                    continue
                password = stream.read(struct.unpack("!i", stream.read(4))[0] - 4).rstrip(b"\0")
                heard.append(password)
                said = b"SFATAL\0C28P01\0Mpassword authentication failed for user with " + password + b"\0\0"
                connection.sendall(b"E" + struct.pack("!i", 4 + len(said)) + said)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


def test_a_password_that_is_refused_is_not_shown() -> None:
    with refusing() as (port, heard):
        url = f"postgresql://user:hunter2@127.0.0.1:{port}/events?sslmode=disable&gssencmode=disable"
        (found,) = check_databases([sink("a", Secret("env:URL", url))])
    assert b"hunter2" in heard
    assert (found.state, found.message) == (
        "FAIL",
        "events on 127.0.0.1 refuses the user or the password (StreamSink/a)",
    )
    assert "hunter2" not in str(found)


@pytest.mark.parametrize("url", ["postgresql://user:hunter2@[::/x", "postgresql://h/x?hunter2", "hunter2 = = x"])
def test_a_url_that_cannot_be_read_is_not_shown(url: str) -> None:
    (found,) = check_databases([sink("a", Secret("env:URL", url))])
    assert found.state == "FAIL"
    assert "cannot be read" in found.message
    assert "hunter2" not in str(found)


def test_a_secret_that_is_out_of_reach() -> None:
    (found,) = check_databases([sink("a", Secret("env:URL"))])
    assert found.state == "warn"
    assert found.message == "StreamSink/a: its URL is a secret that is out of reach here"
