"""Watching a tenant: looking for drift again and again, cheaply, and telling of it when it changes and only then.

Listings are asked for conditionally, so that a quiet tenant answers 304; manifests and ledger are read again when they change.
An outage, of the tenant or of this machine's files, ends nothing: it is told once, and the next round tries again.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import anyio
import orjson

from reconciler.core.codec import encode_tree
from reconciler.core.resource import Observed
from reconciler.cxone.client import Client
from reconciler.engine.clock import now, stamp
from reconciler.engine.drift import Drift, begun, drift_of, observe_drift
from reconciler.engine.session import Session
from reconciler.errors import ReconcilerError
from reconciler.loading.project import PROJECT_FILE, STATE_FOLDER

_TICK = 50_000_000
"""Nanoseconds that a file system's clock may be off from the process's."""

STATE_FILE = "drift-watch.json"
"""What was told last, in the target's folder below ``.reconciler/``."""


class Opener(Protocol):
    """Opens a session with the target; called again whenever manifests have changed."""

    def __call__(self, stack: ExitStack) -> Session:
        """The session, closed with the stack."""
        ...


@dataclass(frozen=True, slots=True)
class Round:
    """One look at the tenant. ``drift`` is the last that is known, ``error`` what kept this round from looking.

    ``state`` identifies what has drifted and how; ``since`` is when the oldest of it began, as far as anybody can tell.
    ``at`` is when the round ended; ``requests`` counts those that all rounds have made.
    """

    at: datetime
    drift: Drift | None
    state: str
    since: datetime | None
    requests: int
    error: ReconcilerError | None = None


class _Memory:
    """What is kept from round to round: the session while nothing it was made from changes, and an open client."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._session: Session | None = None
        self._client: Client | None = None
        self._files: Mapping[str, tuple[int, int]] = {}
        self._ledger = ""
        self._seen: tuple[Mapping[str, list[Observed]], Drift] | None = None
        self._spent = 0
        self._told: str | None = None

    @property
    def requests(self) -> int:
        """Requests of all rounds."""
        return self._spent + (self._client.requests + self._client.token_requests if self._client else 0)

    async def look(self, open_session: Opener, *, unmanaged: bool) -> Drift:
        """One round. Raises `ReconcilerError` for whatever keeps it from looking."""
        session, client = await self._ready(open_session)
        observed = await observe_drift(session, client, unmanaged=unmanaged)
        if self._seen is not None and _same(self._seen[0], observed):
            return self._seen[1]
        drift = drift_of(session, observed)
        self._seen = observed, drift
        return drift

    async def _ready(self, open_session: Opener) -> tuple[Session, Client]:
        if self._session is not None and _files(self._session) != self._files:
            await self.close()
        if self._session is None or self._client is None:
            begin = time.time_ns()
            self._session = open_session(self._stack)
            self._files = _settled(_files(self._session), begin, time.time_ns())
            self._client = self._session.client(write=False)
            await self._client.__aenter__()
            self._client.remember()
        version = _version(self._session)
        if version != self._ledger:
            self._session.reload()
            self._ledger, self._seen = version, None
        return self._session, self._client

    async def close(self) -> None:
        """Let go of the session and its client; the next round opens new ones."""
        client, self._client, self._session, self._seen = self._client, None, None, None
        self._ledger = ""
        if client is not None:
            self._spent += client.requests + client.token_requests
            await client.__aexit__(None, None, None)
        self._stack.close()

    def told(self) -> str:
        """The state that was told last, also by an earlier run; that of no drift where there is none."""
        if self._told is not None:
            return self._told
        path = self._path()
        try:
            found = orjson.loads(path.read_bytes()) if path else {}
        except (OSError, orjson.JSONDecodeError):
            found = {}
        return str(found.get("state", "")) if isinstance(found, dict) else ""

    def remember(self, state: str) -> None:
        """Keep what was told, for this run and the next. A disk that refuses costs the next run a repeated message at most."""
        path = self._path()
        known, self._told = self.told(), state
        if path is None or state == known:
            return
        from reconciler.loading.atomic import write_atomically
        from reconciler.loading.private import make_private

        with suppress(OSError):
            make_private(path.parent)
            write_atomically(path, [orjson.dumps({"state": state, "at": stamp(now())})])

    def _path(self) -> Path | None:
        if self._session is None:
            return None
        workspace = self._session.workspace
        return workspace.project.root / STATE_FOLDER / workspace.target.name / STATE_FILE


@dataclass(slots=True)
class Watch:
    """Rounds of one target. ``tell`` is awaited after each with whether the state is another one than was told last.

    ``tell`` returns whether everybody who wants to know has been told; else the next round tells again.
    """

    open_session: Opener
    tell: Callable[[Round, bool], Awaitable[bool]]
    unmanaged: bool = False
    _memory: _Memory = field(default_factory=_Memory)
    _first: dict[str, datetime] = field(default_factory=dict)
    _last: Round | None = None

    async def run(self, seconds: float, stopped: anyio.Event) -> None:
        """Look every so many seconds until ``stopped`` is set. Raises what the first round raises: that is no outage.

        A look that is under way is given up then, for it only reads; a message that is being sent is sent first.
        """
        try:
            while not stopped.is_set():
                await self._round(stopped)
                with anyio.move_on_after(seconds):
                    await stopped.wait()
        finally:
            with anyio.CancelScope(shield=True):
                await self._memory.close()

    async def _round(self, stopped: anyio.Event) -> None:
        drift, error = await self._look(stopped)
        if error is not None:
            if self._last is None:
                raise error
            drift = self._last.drift
            await self._memory.close()
        if drift is None:
            return
        state = _state(drift, unmanaged=self.unmanaged)
        moment = now()
        done = Round(moment, drift, state, self._since(drift, moment), self._memory.requests, error)
        self._last = done
        told = self._memory.told()
        if await self.tell(done, error is None and state != told) and error is None:
            self._memory.remember(state)

    async def _look(self, stopped: anyio.Event) -> tuple[Drift | None, ReconcilerError | None]:
        """What a look finds, or what kept it from looking; neither where ``stopped`` was set meanwhile."""
        drift: Drift | None = None
        error: ReconcilerError | None = None
        async with anyio.create_task_group() as group:

            async def give_up() -> None:
                await stopped.wait()
                group.cancel_scope.cancel()

            group.start_soon(give_up)
            try:
                drift = await self._memory.look(self.open_session, unmanaged=self.unmanaged)
            except ReconcilerError as caught:
                error = caught
            group.cancel_scope.cancel()
        return drift, error

    def _since(self, drift: Drift, moment: datetime) -> datetime | None:
        """When the oldest drift began: by the tenant's word, else since it was first seen here."""
        starts = {}
        for change in drift.plan.drifted:
            seen = self._first.get(str(change.key), moment)
            starts[str(change.key)] = min(begun(change) or seen, seen)
        self._first = starts
        return min(starts.values(), default=None)


def _files(session: Session) -> dict[str, tuple[int, int]]:
    """What the session's manifests were read from, so that a change shows: by path, the time of change and the size.

    That is the files and folders that they name as well: texts, schemas, code.
    """
    from reconciler.loading.yaml import discover

    project = session.workspace.project
    named = [
        project.root / name for name in (PROJECT_FILE, *session.workspace.target.patches, *session.workspace.named)
    ]
    found = {}
    for path in (*chain.from_iterable(map(_below, named)), *discover(project.root, project.manifests)):
        with suppress(OSError):
            status = path.stat()
            found[str(path)] = (status.st_mtime_ns, status.st_size)
    return found


def _below(path: Path) -> Iterator[Path]:
    """The file itself, or all files of a folder."""
    if not path.is_dir():
        yield path
    for place, _, names in os.walk(path):
        yield from (Path(place, name) for name in names)


def _settled(files: Mapping[str, tuple[int, int]], begin: int, end: int) -> Mapping[str, tuple[int, int]]:
    """The files themselves, or none where one changed while they were read: it may have been read as it was before."""
    near = [changed for changed, _ in files.values() if begin - _TICK <= changed <= end + _TICK]
    return {} if near else files


def _version(session: Session) -> str:
    from reconciler.engine.state.ledger import NAME

    blob = session.store.read(NAME)
    return blob.version if blob is not None else "-"


def _same(before: Mapping[str, list[Observed]], after: Mapping[str, list[Observed]]) -> bool:
    """Whether two observations are made of the very same answers."""
    return before.keys() == after.keys() and all(
        len(items) == len(after[kind]) and all(map(_identical, items, after[kind])) for kind, items in before.items()
    )


def _identical(one: Observed, other: Observed) -> bool:
    return one is other


def _state(drift: Drift, *, unmanaged: bool) -> str:
    """Identifies what has drifted, to which values; empty where nothing has."""
    parts: list[Any] = [
        [str(change.key), change.reason, [[item.label, item.status, encode_tree(item.live)] for item in change.fields]]
        for change in sorted(drift.plan.drifted, key=lambda change: change.key)
    ]
    if unmanaged:
        parts += [list(item) for item in drift.unmanaged]
    return hashlib.sha256(orjson.dumps(parts)).hexdigest() if parts else ""
