"""A deterministic order of everything that several processes and a person do to one tenant, chosen by dice that a seed sets.

Processes run as tasks of one event loop. Each stops before every request and, when it wrote something, before it gets the answer;
only when all stand still is one of them let go, or does somebody at the console do something.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

import orjson
from starlette.types import Message, Receive, Scope, Send

from tests.support.worlds import SAFE, TenantServer, effects

Act = Callable[[], None]


@dataclass(eq=False)
class Process:
    """One of those who are scheduled."""

    name: str
    task: asyncio.Task[None] | None = None
    gate: asyncio.Future[None] | None = None
    queue: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def done(self) -> bool:
        return self.task is not None and self.task.done()


class Schedule:
    """Lets processes go one at a time; ``history`` says what happened in which order."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.history: list[str] = []
        self.violations: list[str] = []
        self._changed = asyncio.Event()

    async def park(self, process: Process) -> None:
        """Wait for one's turn."""
        process.gate = asyncio.get_running_loop().create_future()
        self._changed.set()
        await process.gate

    async def run(self, work: Mapping[str, Callable[[Process], Awaitable[None]]], acts: list[tuple[str, Act]]) -> None:
        """Run all processes to their ends, and all acts of others at some moment in between."""
        processes = [Process(name) for name in work]
        for process in processes:
            process.task = asyncio.ensure_future(work[process.name](process))
            process.task.add_done_callback(lambda _task: self._changed.set())
        waiting = list(acts)
        try:
            while not all(process.done for process in processes):
                await self._quiet(processes)
                parked = [process for process in processes if process.gate is not None]
                if not parked:
                    continue
                if waiting and self.dice.random() < 0.15:
                    words, act = waiting.pop(0)
                    self.history.append(words)
                    act()
                    continue
                process = self.dice.choice(parked)
                gate, process.gate = process.gate, None
                assert gate is not None
                gate.set_result(None)
            for process in processes:
                assert process.task is not None
                await process.task
        finally:
            for process in processes:
                if process.task is not None:
                    process.task.cancel()

    async def _quiet(self, processes: list[Process]) -> None:
        """Come back once every process has ended or stands still."""
        while not all(process.done or process.gate is not None for process in processes):
            self._changed.clear()
            if not all(process.done or process.gate is not None for process in processes):
                await self._changed.wait()


@dataclass
class Knowledge:
    """What the author of a plan has read: every state of each resource, and the names that its newest listings held."""

    states: dict[tuple[str, str], set[str]] = field(default_factory=dict)
    names: dict[str, set[str]] = field(default_factory=dict)

    def learn(self, kind: str, body: Any, *, listing: bool) -> None:
        """Take in an answer."""
        items = body.get("items") if isinstance(body, dict) else None
        if listing and isinstance(items, list):
            self.names[kind] = {item["name"] for item in items}
        for item in items if isinstance(items, list) else [body]:
            if isinstance(item, dict) and "etag" in item:
                self.states.setdefault((kind, item["id"]), set()).add(item["etag"])

    def copy(self) -> Knowledge:
        return Knowledge({key: set(value) for key, value in self.states.items()}, dict(self.names))


class ScheduledWire:
    """What lies between a scheduled process and the tenant; a witness of every write."""

    def __init__(
        self, server: TenantServer, schedule: Schedule, process: Process, knowledge: Knowledge, lost_share: float = 0.0
    ) -> None:
        self.server, self.schedule, self.process, self.knowledge = server, schedule, process, knowledge
        self.lost_share = lost_share
        self._kinds = {kind.collection: kind.name for kind in server.emulator.kinds.values()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self.process.queue:
            await self.schedule.park(self.process)
            messages: list[Message] = []

            async def keep(message: Message) -> None:
                messages.append(message)

            before = self.server.rows()
            await self.server.app(scope, receive, keep)
            self._witness(scope, before, messages)
            if scope["method"] not in SAFE:
                await self.schedule.park(self.process)
                if self.schedule.dice.random() < self.lost_share and "token" not in scope["path"]:
                    self.schedule.history.append(f"{self.process.name}: the answer is lost")
                    raise ConnectionResetError("the answer was lost")
            self._learn(scope, messages)
            for message in messages:
                await send(message)

    def _kind(self, path: str) -> str:
        return next((name for start, name in self._kinds.items() if path.startswith(start)), "")

    def _witness(self, scope: Scope, before: dict[Any, Any], messages: list[Message]) -> None:
        """No write lands on a state that its author had not read."""
        path, method = scope["path"], scope["method"]
        found = effects(method, before, self.server.rows())
        self.schedule.history.append(f"{self.process.name}: {method} {path} {messages[0]['status']} {found or ''}")
        if not found:
            return
        kind = self._kind(path)
        key = (kind, path.rpartition("/")[2])
        known = (
            found[0].after not in self.knowledge.names.get(kind, {found[0].after})
            if method == "POST"
            else key in before and before[key][1] in self.knowledge.states.get(key, ())
        )
        # Kept for later: what is raised here looks like a broken connection to the client, which knows what to do then.
        if not known or len(found) != 1:
            self.schedule.violations.append(self.schedule.history[-1])

    def _learn(self, scope: Scope, messages: list[Message]) -> None:
        status = messages[0]["status"]
        body = b"".join(message.get("body", b"") for message in messages[1:])
        kind = self._kind(scope["path"])
        if 200 <= status < 300 and kind and body:
            listing = (
                scope["method"] == "GET" and scope["path"] in self._kinds and b"name=" not in scope["query_string"]
            )
            self.knowledge.learn(kind, orjson.loads(body), listing=listing)
