"""Extension syncs over restarts, between processes, and in-process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest

from reconciler.emulator import Settings, create_app
from tests.contract.emulator.bodies import EXTENSIONS, created, extension, path_of
from tests.support.emulator import RunningEmulator, emulator_process, running_emulator
from tests.support.loopback import Call, Reply, loopback_server, paged_source

SERVE = "import pathlib, sys; from reconciler.emulator import Settings, serve; serve(Settings(state=pathlib.Path(sys.argv[1])))"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.db"


class HeldSource:
    """Two pages; the second is held back until the test lets it go."""

    def __init__(self) -> None:
        self.let_go = threading.Event()
        self.asked = threading.Event()
        self.url = ""

    def handle(self, call: Call) -> Reply:
        if call.path == "/":
            return Reply(body={"records": [{"id": "a"}, {"id": 1}], "next": "/2"})
        self.asked.set()
        self.let_go.wait(30)
        return Reply(body={"records": [{"id": "b"}, {"id": "a"}]})


@pytest.fixture
def source() -> Iterator[HeldSource]:
    held = HeldSource()
    with loopback_server(held.handle) as server:
        held.url = server.url + "/"
        yield held
        held.let_go.set()


def start(api: httpx.Client, source_url: str, **more: Any) -> str:
    path = path_of(EXTENSIONS, created(api, EXTENSIONS, extension()))
    answer = api.post(path + "/sync", json={"sourceEndpoint": source_url} | more)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


def ended(api: httpx.Client, location: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while True:
        body: dict[str, Any] = api.get(location).raise_for_status().json()
        if body["completedAt"] is not None:
            return body
        assert time.monotonic() < deadline, body
        time.sleep(0.01)


def until_done(emulator: RunningEmulator) -> dict[str, Any]:
    """Give the only sync once nothing is left to do, without asking for its status."""
    deadline = time.monotonic() + 30
    while True:
        (sync,) = emulator.control("GET", "state")["syncs"]
        if sync["phase"] == "done":
            found: dict[str, Any] = sync
            return found
        assert time.monotonic() < deadline, sync
        emulator.control("POST", "clock", {"advanceSeconds": 1})
        time.sleep(0.01)


def check_whole(emulator: RunningEmulator, sync: dict[str, Any]) -> None:
    """Hold a sync of `HeldSource` against what it must have come to, however often it was broken off."""
    assert sync["state"]["status"] == "COMPLETED"
    assert [sync["state"][name] for name in ("total", "stored", "rejected")] == [4, 3, 1]
    assert len(sync["state"]["errors"]) == 1
    records = emulator.control("GET", f"extensions/{sync['resource']}/records")["records"]
    assert [record["id"] for record in records] == ["a", "b"]


def test_syncs_of_one_extension_take_turns(source: HeldSource) -> None:
    with paged_source([[{"id": "a"}]]) as quick, running_emulator() as emulator, emulator.client() as api:
        held = start(api, source.url)
        assert source.asked.wait(30)
        body = {"sourceEndpoint": quick.url}
        second = api.post(held.removesuffix("/status").rpartition("/")[0], json=body).headers["location"]
        other = created(api, EXTENSIONS, extension(name="other"))
        third = api.post(path_of(EXTENSIONS, other) + "/sync", json=body).headers["location"]
        assert ended(api, third)["status"] == "COMPLETED"
        assert api.get(second).json()["status"] == "PENDING"
        source.let_go.set()
        assert ended(api, held)["completedAt"] <= ended(api, second)["completedAt"]
        assert len(quick.calls) == 2


@pytest.mark.parametrize("mode", ["INCREMENTAL", "FULL"])
def test_a_stopped_server_goes_on_when_it_is_started_again(state: Path, source: HeldSource, mode: str) -> None:
    with running_emulator(state=state) as emulator, emulator.client() as api:
        start(api, source.url, syncMode=mode)
        assert source.asked.wait(30)
    source.let_go.set()
    with running_emulator(state=state) as emulator:
        check_whole(emulator, until_done(emulator))


@contextmanager
def killed_emulator(state: Path) -> Iterator[RunningEmulator]:
    """Serve from a process of its own, and kill it at the end."""
    command = [sys.executable, "-c", SERVE, str(state)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["url"]
            with httpx.Client(base_url=url, timeout=30, trust_env=False, verify=False) as http:
                yield RunningEmulator(url, http)
        finally:
            process.kill()


@pytest.mark.parametrize("mode", ["INCREMENTAL", "FULL"])
def test_a_killed_server_goes_on_when_it_is_started_again(state: Path, source: HeldSource, mode: str) -> None:
    with killed_emulator(state) as emulator, emulator.client() as api:
        start(api, source.url, syncMode=mode)
        assert source.asked.wait(30)
    source.let_go.set()
    with running_emulator(state=state) as emulator:
        check_whole(emulator, until_done(emulator))


def test_what_a_killed_neighbour_left_goes_on_when_it_is_asked_for(state: Path, source: HeldSource) -> None:
    with running_emulator(state=state) as emulator, emulator.client() as api:
        with killed_emulator(state) as neighbour, neighbour.client() as other:
            location = start(other, source.url)
            assert source.asked.wait(30)
            assert api.get(location).json()["status"] == "RUNNING"
        source.let_go.set()
        assert ended(api, location)["progress"]["totalRecords"] == 4
        check_whole(emulator, until_done(emulator))


def test_a_webhook_is_told_after_a_restart(state: Path) -> None:
    replies = iter([Reply(500), Reply(500)])
    with paged_source([[{"id": "a"}]]) as source:
        with loopback_server(lambda _: next(replies, Reply(200))) as receiver:
            with running_emulator(state=state) as emulator, emulator.client() as api:
                start(api, source.url, webhookUrl=receiver.url)
                receiver.wait_for(1)
                while not emulator.control("GET", "state")["syncs"][0]["state"]["attempts"]:
                    time.sleep(0.01)
            with running_emulator(state=state) as emulator:
                sync = until_done(emulator)
            assert [attempt["status"] for attempt in sync["state"]["attempts"]] == [500, 500, 200]
            assert len({call.headers["x-cxone-delivery"] for call in receiver.calls}) == 1
        assert len(source.calls) == 1


def test_only_one_process_carries_a_sync_out(state: Path) -> None:
    let_go = threading.Event()

    def handle(_: Call) -> Reply:
        let_go.wait(30)
        return Reply(body=[{"id": "a"}])

    with loopback_server(handle) as source, running_emulator(state=state) as one, emulator_process(state=state) as two:
        with one.client() as api, two.client() as other:
            location = start(api, source.url)
            source.wait_for(1)
            assert other.get(location).json()["status"] == "RUNNING"
            other.post(location.removesuffix("/status").rpartition("/")[0], json={"sourceEndpoint": "http://[::1]:9/"})
            let_go.set()
            assert ended(other, location)["status"] == "COMPLETED"
        assert len(source.calls) == 1


class InProcess:
    """An emulator inside this process, driven as the embedded target is."""

    def __init__(self, state: Path | None) -> None:
        self.app = create_app(Settings(state=state))

    @asynccontextmanager
    async def authorised(self) -> AsyncIterator[httpx.AsyncClient]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url="http://emulator") as http:
            form = {"grant_type": "client_credentials", "client_id": "local", "client_secret": "local-secret"}
            token = (await http.post("/oauth/token", data=form)).json()["access_token"]
            http.headers["authorization"] = f"Bearer {token}"
            yield http

    async def start(self, http: httpx.AsyncClient, source: str) -> str:
        resource = (await http.post(EXTENSIONS, json=extension())).json()
        answer = await http.post(f"{path_of(EXTENSIONS, resource)}/sync", json={"sourceEndpoint": source})
        assert answer.status_code == 202
        return str(answer.headers["location"])

    @staticmethod
    async def ended(http: httpx.AsyncClient, location: str) -> dict[str, Any]:
        async with asyncio.timeout(30):
            while True:
                body: dict[str, Any] = (await http.get(location)).json()
                if body["completedAt"] is not None:
                    return body
                await asyncio.sleep(0.01)


def test_in_process(source: HeldSource) -> None:
    source.let_go.set()
    emulator = InProcess(None)

    async def main() -> None:
        async with emulator.authorised() as http:
            body = await emulator.ended(http, await emulator.start(http, source.url))
            assert body["progress"] == {"totalRecords": 4, "processedRecords": 3, "rejectedRecords": 1}

    asyncio.run(main())


def test_in_process_a_loop_that_ends_leaves_the_sync_to_the_next(source: HeldSource) -> None:
    emulator = InProcess(None)

    async def first() -> str:
        async with emulator.authorised() as http:
            location = await emulator.start(http, source.url)
            assert await asyncio.to_thread(source.asked.wait, 30)
            return location

    async def second(location: str) -> dict[str, Any]:
        async with emulator.authorised() as http:
            return await emulator.ended(http, location)

    location = asyncio.run(first())
    source.let_go.set()
    body = asyncio.run(second(location))
    assert body["progress"] == {"totalRecords": 4, "processedRecords": 3, "rejectedRecords": 1}


def test_nothing_begins_before_the_answer_is_out(source: HeldSource) -> None:
    """The server's ``send`` is held back: as long as it is, nobody is at the sync."""
    source.let_go.set()
    emulator = InProcess(None)
    table = emulator.app.state.emulator.syncs

    async def main() -> None:
        held, reached = asyncio.Event(), asyncio.Event()

        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def slow(message: Any) -> None:
                if message["type"] == "http.response.body" and scope["path"].endswith("/sync"):
                    reached.set()
                    await held.wait()
                await send(message)

            await emulator.app(scope, receive, slow)

        async with emulator.authorised() as http:
            slow_http = httpx.AsyncClient(
                transport=httpx.ASGITransport(app), base_url="http://emulator", headers=http.headers
            )
            async with slow_http:
                starting = asyncio.ensure_future(emulator.start(slow_http, source.url))
                await reached.wait()
                for _ in range(100):
                    await asyncio.sleep(0)
                (sync,) = table.all()
                assert (sync.owner, sync.state["status"]) == (None, "PENDING")
                held.set()
                location = await starting
            assert table.get(sync.id).owner is not None
            await emulator.ended(http, location)

    asyncio.run(main())
