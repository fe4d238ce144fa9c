"""Reading back what was applied: patience with a tenant that lags, none with one that differs, and few requests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.core.cost import READ_BACK_LISTS_FROM
from reconciler.core.resource import Entry, Key
from reconciler.engine.readback import WAITS, Gone, Seen, read_back
from tests.support.cxone import KINDS, client, in_loop
from tests.support.emulator import RunningEmulator, running_emulator


@pytest.fixture
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


def applied(emulator: RunningEmulator, name: str) -> tuple[Key, Entry]:
    """A table that is live, and what the ledger says of it."""
    fields: dict[str, Any] = {
        "name": name,
        "description": "as applied",
        "primaryKey": "id",
        "columns": {"id": "string"},
    }
    with emulator.client() as http:
        made = http.post("/api/v2/data-actions/datasets", json=fields).raise_for_status().json()
    key = Key("Dataset", name)
    wanted = {**fields, "columns": {"id": {"type": "string", "nullable": False}}}
    return key, Entry(key, made["id"], wanted)


def etag_of(emulator: RunningEmulator, name: str) -> str:
    with emulator.client() as http:
        return str(http.get("/api/v2/data-actions/datasets", params={"name": name}).json()["items"][0]["etag"])


def edit(emulator: RunningEmulator, name: str, description: str) -> None:
    body = {"kind": "Dataset", "name": name, "patch": {"description": description}, "by": "somebody"}
    emulator.control("POST", "edit", body)


@in_loop
async def test_what_is_live_as_meant_takes_one_look(emulator: RunningEmulator) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    key, entry = applied(emulator, "people")
    async with client(emulator.url) as one:
        seen = await read_back(one, KINDS, {key: entry, Key("Dataset", "gone"): Gone("no-such-id")}, sleep)
    assert seen == Seen([], {key: etag_of(emulator, "people")})
    assert waits == []


@in_loop
async def test_a_tenant_that_lags_is_looked_at_again(emulator: RunningEmulator) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 2:
            edit(emulator, "people", "as applied")

    key, entry = applied(emulator, "people")
    edit(emulator, "people", "as before")
    async with client(emulator.url) as one:
        seen = await read_back(one, KINDS, {key: entry}, sleep)
    assert seen == Seen([], {key: etag_of(emulator, "people")})
    assert waits == list(WAITS[:2])


@in_loop
async def test_what_stays_otherwise_is_named_by_its_fields(emulator: RunningEmulator) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    key, entry = applied(emulator, "people")
    other, other_entry = applied(emulator, "places")
    fine, fine_entry = applied(emulator, "things")
    edit(emulator, "people", "otherwise")
    emulator.control("POST", "delete", {"kind": "Dataset", "name": "places", "by": "somebody"})
    before = len(emulator.requests())
    async with client(emulator.url) as one:
        seen = await read_back(one, KINDS, {key: entry, other: other_entry, fine: fine_entry}, sleep)
    assert set(seen.etags) == {fine}
    assert seen.diverged == [(key, "reads back otherwise at description"), (other, "is not there")]
    assert waits == list(WAITS)
    paths = [item["path"] for item in emulator.requests()[before:]]
    assert sum(path.endswith(fine_entry.id) for path in paths) == 1


@in_loop
async def test_many_are_read_by_one_listing(emulator: RunningEmulator) -> None:
    async def sleep(_: float) -> None:
        raise AssertionError("nothing to wait for")

    touched: dict[Key, Entry | Gone] = dict(applied(emulator, f"table-{n:02}") for n in range(READ_BACK_LISTS_FROM))
    before = len(emulator.requests())
    async with client(emulator.url) as one:
        seen = await read_back(one, KINDS, touched, sleep)
    assert seen.diverged == []
    assert set(seen.etags) == set(touched)
    reads = [item["path"] for item in emulator.requests()[before:] if item["method"] == "GET"]
    assert reads
    assert set(reads) == {"/api/v2/data-actions/datasets"}
    assert len(reads) < READ_BACK_LISTS_FROM


@in_loop
async def test_a_tenant_that_cannot_be_read_is_said_for_each(emulator: RunningEmulator) -> None:
    async def sleep(_: float) -> None:
        return None

    key, entry = applied(emulator, "people")
    async with client(emulator.url, auth={"path": "/nowhere"}) as one:
        seen = await read_back(one, KINDS, {key: entry}, sleep)
    ((named, message),) = seen.diverged
    assert seen.etags == {}
    assert named == key
    assert message.startswith("could not be read back: ")


@in_loop
async def test_what_was_deleted_and_is_still_there(emulator: RunningEmulator) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    key, entry = applied(emulator, "people")
    before = len(emulator.requests())
    async with client(emulator.url) as one:
        seen = await read_back(one, KINDS, {key: Gone(entry.id), Key("Dataset", "gone"): Gone("no-such-id")}, sleep)
    assert seen.diverged == [(key, "is still there, though the tenant confirmed that it was deleted")]
    assert seen.kept == {key}
    assert waits == list(WAITS)
    paths = [item["path"] for item in emulator.requests()[before:]]
    assert sum(path.endswith("no-such-id") for path in paths) == 1


@in_loop
async def test_many_deletes_are_read_by_one_listing(emulator: RunningEmulator) -> None:
    async def sleep(_: float) -> None:
        raise AssertionError("nothing to wait for")

    applied(emulator, "people")
    touched = {Key("Dataset", f"gone-{n}"): Gone(f"id-{n}") for n in range(READ_BACK_LISTS_FROM)}
    before = len(emulator.requests())
    async with client(emulator.url) as one:
        assert await read_back(one, KINDS, touched, sleep) == Seen()
    reads = [item["path"] for item in emulator.requests()[before:] if item["method"] == "GET"]
    assert reads == ["/api/v2/data-actions/datasets"]
