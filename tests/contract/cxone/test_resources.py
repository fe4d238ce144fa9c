"""The client against the emulator over a real port: every style of paging and concurrency, every kind of token request."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from reconciler.core.kind import Kind
from reconciler.core.resource import Observed, Pin
from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.emulator import Client as EmulatorClient
from reconciler.emulator import Settings, create_app
from reconciler.errors import (
    AuthenticationError,
    Conflict,
    NotFound,
    PreconditionFailed,
    Refused,
    ScopeMissing,
    WriteRefused,
)
from tests.support.cxone import DATASET_BODY, KINDS, SCOPES, client, in_loop
from tests.support.emulator import RunningEmulator, running_emulator

DATASET = KINDS["Dataset"]
CONNECTOR = KINDS["Connector"]

CONNECTOR_BODY = {
    "name": "crm",
    "connectorType": "CUSTOM",
    "endpointUrl": "https://crm.example.com",
    "authentication": {"type": "BASIC", "credentials": {"username": "u", "password": "p"}},
    "version": "1.0.0",
    "lifecycleStatus": "DRAFT",
}


@pytest.fixture(scope="module")
def emulator() -> Iterator[RunningEmulator]:
    with running_emulator() as running:
        yield running


@pytest.fixture
def clean(emulator: RunningEmulator) -> RunningEmulator:
    emulator.control("POST", "reset")
    return emulator


async def _life(one: Client, kind: Kind, body: dict[str, Any], change: dict[str, Any], style: str) -> None:
    """Create, read, change, refuse what is stale, delete."""

    def pin(seen: Observed) -> Pin:
        values = {"etag": seen.etag, "version": str(seen.body.get("version", ""))}
        return Pin(style, values.get(style, ""), digest="-")  # type: ignore[arg-type]

    created = await one.create(kind, body, idempotency_key="k1")
    assert created.name == body["name"]
    assert created == await one.create(kind, body, idempotency_key="k1"), "the same key gives the first answer again"
    with pytest.raises(PreconditionFailed):
        await one.create(kind, body, idempotency_key="k2")
    assert [item.id for item in await one.list(kind)] == [created.id]
    assert [item.id for item in await one.list(kind, name=body["name"])] == [created.id]
    assert await one.list(kind, name="another") == []
    changed = await one.update(kind, created.id, change, pin=pin(created))
    assert {key: changed.body[key] for key in change} == change
    assert await one.get(kind, created.id) == changed
    if style == "etag":
        assert changed.etag != created.etag
        assert changed == (await one.list(kind))[0]
        with pytest.raises(PreconditionFailed):
            await one.update(kind, created.id, change, pin=pin(created))
        with pytest.raises(PreconditionFailed):
            await one.delete(kind, created.id, pin=pin(created))
    await one.delete(kind, created.id, pin=pin(changed))
    assert await one.get(kind, created.id) is None
    with pytest.raises(NotFound):
        await one.delete(kind, created.id, pin=pin(changed))


@in_loop
async def test_a_resource_lives_and_dies_under_etags(clean: RunningEmulator) -> None:
    async with client(clean.url) as one:
        await _life(one, DATASET, DATASET_BODY, {"description": "all of them"}, "etag")
        await _life(one, CONNECTOR, CONNECTOR_BODY, {"description": "ours"}, "etag")


@in_loop
async def test_a_resource_lives_and_dies_under_versions() -> None:
    with running_emulator(concurrency="version") as running:
        async with client(running.url, concurrency="version") as one:
            await _life(one, CONNECTOR, CONNECTOR_BODY, {"description": "ours", "version": "1.0.1"}, "version")
            await _life(one, DATASET, DATASET_BODY, {"description": "ours"}, "version")


@in_loop
async def test_a_stale_version_is_a_failed_precondition() -> None:
    with running_emulator(concurrency="version") as running:
        async with client(running.url, concurrency="version") as one:
            created = await one.create(CONNECTOR, CONNECTOR_BODY, idempotency_key="k1")
            with pytest.raises(PreconditionFailed):
                await one.update(CONNECTOR, created.id, {"description": "x"}, pin=Pin("version", "0.9.9"))


@in_loop
async def test_a_resource_lives_and_dies_without_any_precondition() -> None:
    with running_emulator(concurrency="none") as running:
        async with client(running.url, concurrency="compare") as one:
            await _life(one, DATASET, DATASET_BODY, {"description": "ours"}, "compare")


@in_loop
async def test_a_resource_lives_and_dies_in_this_process() -> None:
    app = create_app(Settings())
    async with client("emulator:", app=app) as one:
        await _life(one, DATASET, DATASET_BODY, {"description": "all of them"}, "etag")
    app.state.emulator.store.close()


@in_loop
async def test_other_conflicts_are_told_apart(clean: RunningEmulator) -> None:
    async with client(clean.url) as one:
        first = await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
        second = await one.create(DATASET, {**DATASET_BODY, "name": "other"}, idempotency_key="k2")
        with pytest.raises(Conflict) as taken:
            await one.update(DATASET, second.id, {"name": "orders"}, pin=Pin("etag", second.etag))
        assert taken.value.api_code == "NAME_EXISTS"
        with pytest.raises(Refused, match="surprise"):
            await one.update(DATASET, first.id, {"surprise": 1}, pin=Pin("etag", first.etag))
        with pytest.raises(Refused) as unconditional:
            await one.update(DATASET, first.id, {"description": "x"}, pin=Pin("compare"))
        assert unconditional.value.status == 428


@in_loop
async def test_ready_bytes_are_sent_as_they_are(clean: RunningEmulator) -> None:
    async with client(clean.url) as one:
        made = await one.create(
            DATASET, b'{"name":"raw","primaryKey":"id","columns":{"id":"string"}}', idempotency_key="k"
        )
        assert made.name == "raw"
        with pytest.raises(TypeError):
            await one.create(DATASET, {"name": Secret("x", "y")}, idempotency_key="k2")


@pytest.mark.parametrize("style", ["page", "offset", "token"])
@pytest.mark.parametrize(
    ("size", "count", "pages"), [(100, 0, 1), (100, 100, 1), (100, 101, 2), (50, 230, 5), (500, 1200, 3)]
)
@in_loop
async def test_listing_takes_as_many_requests_as_pages(style: str, size: int, count: int, pages: int) -> None:
    with running_emulator(pagination=style) as running:
        running.control("POST", "seed", {"seed": 1, "kinds": {"Dataset": count}})
        async with client(running.url, read_only=True, pagination=style, page_size=size) as one:
            found = await one.list(DATASET)
            assert len({item.id for item in found}) == count
            assert [item.id for item in found] == sorted(item.id for item in found)
            assert (one.requests, one.token_requests) == (pages, 1)
            assert one.requests_by_method == {"GET": pages}


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth2/token", "/api/v2/oauth2/token", "/api/v2/oauth/token"])
@pytest.mark.parametrize("body", ["form", "json", "basic"])
@in_loop
async def test_a_token_is_had_in_every_way(emulator: RunningEmulator, path: str, body: str) -> None:
    async with client(emulator.url, auth={"path": path, "body": body}) as one:
        assert set(await one.authenticate()) == set(SCOPES)
        assert one.token_requests == 1


@in_loop
async def test_an_access_key_is_a_way_too(clean: RunningEmulator) -> None:
    async with client(clean.url, auth={"grant": "access_key"}) as one:
        assert await one.list(DATASET) == []


@in_loop
async def test_the_target_may_override_the_scopes(emulator: RunningEmulator) -> None:
    async with client(emulator.url, auth={"scopes": ("data:read",)}) as one:
        assert await one.authenticate() == ("data:read",)
        with pytest.raises(ScopeMissing) as caught:
            await one.list(DATASET)
        assert "data-actions:read" in caught.value.scope


@in_loop
async def test_wrong_credentials_and_forbidden_scopes_are_said() -> None:
    limited = EmulatorClient("local", "local-secret", frozenset({"data:read"}))
    with running_emulator(clients=(limited,)) as running:
        async with client(running.url, secret="wrong-secret") as one:
            with pytest.raises(AuthenticationError, match="401 invalid_client") as caught:
                await one.list(DATASET)
            assert "wrong-secret" not in caught.value.message
        async with client(running.url, scopes=("data:read", "data:write")) as one:
            with pytest.raises(ScopeMissing) as missing:
                await one.list(DATASET)
            assert missing.value.scope == "data:write"


@in_loop
async def test_an_expired_token_is_renewed_by_the_servers_clock(clean: RunningEmulator) -> None:
    async with client(clean.url) as one:
        assert await one.list(DATASET) == []
        clean.control("POST", "clock", {"advanceSeconds": 4000})
        made = await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
        assert made.name == "orders"
        assert one.token_requests == 2
        assert one.requests_by_method == {"GET": 1, "POST": 2}


@in_loop
async def test_a_reading_client_cannot_write(clean: RunningEmulator) -> None:
    clean.control("POST", "seed", {"seed": 1, "kinds": {"Dataset": 1}})
    before = len(clean.requests())
    async with client(clean.url, read_only=True) as one:
        seen = (await one.list(DATASET))[0]
        pin = Pin("etag", seen.etag)
        with pytest.raises(WriteRefused, match="POST"):
            await one.create(DATASET, DATASET_BODY, idempotency_key="k1")
        with pytest.raises(WriteRefused, match="PATCH"):
            await one.update(DATASET, seen.id, {}, pin=pin)
        with pytest.raises(WriteRefused, match="DELETE"):
            await one.delete(DATASET, seen.id, pin=pin)
        with pytest.raises(WriteRefused):
            await one.exchange("POST", "/oauth/token/x", body={})
    assert [entry["method"] for entry in clean.requests()[before:]] == ["POST", "GET"]


@in_loop
async def test_other_calls_go_through_the_same_client(clean: RunningEmulator) -> None:
    clean.control("POST", "seed", {"seed": 1, "kinds": {"DataExtension": 1}})
    async with client(clean.url, scopes=("data:read",)) as one:
        extension = (await one.list(KINDS["DataExtension"]))[0]
        schema = (await one.exchange("GET", f"/api/v2/data/extensions/{extension.id}/schema")).value
        assert {"name", "type"} <= set(schema["fields"][0])
        with pytest.raises(NotFound):
            await one.exchange("GET", "/api/v2/data/extensions/nope/schema", query={"a": "b"})
