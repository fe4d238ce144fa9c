"""Whole applies inside one process, against an emulator in memory that can be copied: the ground for tests of crashes and races.

The engine, the client, the store and the emulator are the real ones. What is put between them is a wire, which knows who sends
what and may break, and a store that may stop, so that a process can die at any point that it passes.
"""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from unittest.mock import patch

import anyio
import anyio.lowlevel
from starlette.applications import Starlette
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from reconciler.core.plan import Plan
from reconciler.core.report import Report
from reconciler.cxone.client import Client
from reconciler.cxone.timing import Timing
from reconciler.emulator import Settings
from reconciler.emulator.app import create_app
from reconciler.emulator.inprocess import control
from reconciler.engine.applying import Applying
from reconciler.engine.planner import Request
from reconciler.engine.session import Session
from reconciler.engine.state.fingerprint import Fingerprinter, provisional_salt
from reconciler.engine.state.ledger import load_ledger
from reconciler.engine.state.store import StateStore
from reconciler.engine.tenant import scopes_for, target_api
from reconciler.engine.workspace import Workspace, load_workspace
from tests.support.kind_examples import CODE
from tests.support.project import Project
from tests.support.tenant_project import _named

SERVER_FIELDS = frozenset({"id", "etag", "createdTime", "lastModifiedTime", "lastModifiedBy"})
SAFE = frozenset({"GET", "HEAD"})


async def _no_wait(_seconds: float) -> None:
    await anyio.lowlevel.checkpoint()


def unsynced() -> Any:
    """No waiting for the disk: the crashes here are those of a process, which lose nothing that was written."""
    return patch("os.fsync", lambda _handle: None)


@dataclass(frozen=True)
class Effect:
    """What one request changed in the tenant: names before and after (None: not there), and the fields that differ."""

    method: str
    kind: str
    before: str | None
    after: str | None
    fields: tuple[str, ...]


Row = tuple[str, str, bytes]
"""Of one resource: its name, its ETag, and what is shown of it."""


class TenantServer:
    """An emulator in memory, whose state other ones can begin with."""

    def __init__(self, template: TenantServer | None = None, **settings: Any) -> None:
        self.app: Starlette = create_app(Settings(**settings))
        self.emulator = self.app.state.emulator
        if template is not None:
            template.emulator.store.connection.backup(self.emulator.store.connection)
            self.emulator.store._load_changes()

    def begin_as(self, template: TenantServer) -> None:
        """Become what another one is, without the cost of a new one."""
        template.emulator.store.connection.backup(self.emulator.store.connection)
        self.emulator.store._forget_all()
        self.emulator.store._load_changes()
        self.emulator.log.clear()

    def control(self, method: str, path: str, body: Any = None) -> Any:
        return anyio.run(lambda: control(self.app, method, path, body))

    def rows(self) -> dict[tuple[str, str], Row]:
        """All resources by kind and id."""
        return {
            (kind, row.id): (row.name, row.etag, row.shown)
            for kind, collection in self.emulator.store.collections.items()
            for row in collection.rows.values()
        }

    def content(self) -> dict[str, dict[str, Any]]:
        """All that is live with its write-only values, without ids, tags and times."""
        names, store = self.names(), self.emulator.store
        found: dict[str, dict[str, Any]] = {}
        for (kind, id_), row in self.rows().items():
            found.setdefault(kind, {})[row[0]] = _named(json.loads(store.stored(kind, id_))["doc"], names)
        return found

    def names(self) -> dict[str, str]:
        """What stands for each id."""
        return {id_: f"id of {kind} {row[0]}" for (kind, id_), row in self.rows().items()}

    def close(self) -> None:
        self.emulator.store.close()


def effects(method: str, before: Mapping[tuple[str, str], Row], after: Mapping[tuple[str, str], Row]) -> list[Effect]:
    """What differs between two states of a tenant."""
    found = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if old != new and (old is None or new is None or old[1] != new[1]):
            shown = [json.loads(row[2]) if row else {} for row in (old, new)]
            names = shown[0].keys() | shown[1].keys()
            changed = {name for name in names if shown[0].get(name) != shown[1].get(name)} - SERVER_FIELDS
            found.append(
                Effect(method, key[0], old[0] if old else None, new[0] if new else None, tuple(sorted(changed)))
            )
    return found


class Wire:
    """What lies between one process and the tenant: notes what each write did, and asks before and after each request.

    ``around`` is given the request's words before it goes, and again with True once it was carried out; what it raises is what
    the process sees of it.
    """

    def __init__(self, server: TenantServer, around: Callable[[str, bool], None] = lambda _what, _done: None) -> None:
        self.server = server
        self.around = around
        self.effects: list[Effect] = []
        self.requests: list[str] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        words = f"{scope['method']} {scope['path']}"
        self.around(words, False)
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        self.requests.append(words)
        before = self.server.rows()
        await self.server.app(scope, receive, keep)
        self.effects += effects(scope["method"], before, self.server.rows())
        self.around(words, True)
        for message in messages:
            await send(message)


@dataclass(slots=True)
class WiredSession(Session):
    """A session whose client goes through a wire and waits for nothing."""

    wire: ASGIApp | None = None
    seed: int = 0

    def client(self, *, write: bool, scopes: Sequence[str] = (), **_more: Any) -> Client:
        workspace = self.workspace
        wanted = (workspace.kinds[name] for name in sorted(self.kinds_needed) if name in workspace.kinds)
        return Client(
            target_api(workspace.project, workspace.target, self.environ),
            workspace.kinds,
            scopes=scopes_for(wanted, write=write),
            read_only=not write,
            app=self.wire,
            on_request=self._on_request,
            redact=self._redact,
            tell=self.debug,
            timing=Timing(sleep=_no_wait, chance=random.Random(self.seed).random),
        )


def session(workspace: Workspace, store: StateStore, wire: ASGIApp, environ: Mapping[str, str]) -> WiredSession:
    """What a process begins with: everything fresh but the manifests, which are loaded already."""
    ledger = load_ledger(store, stack=workspace.project.stack, target=workspace.target.url)
    salt = provisional_salt(ledger.stack, ledger.target) if ledger.lost else ledger.salt
    return WiredSession(workspace, store, ledger, Fingerprinter(salt), environ, lambda _line: None, wire=wire)


def applying(found: Session, *, parallelism: int = 1, replan: bool = False) -> Applying:
    """What ``apply`` runs."""
    nobody: Callable[[Any], None] = lambda _: None  # noqa: E731
    return Applying(found, parallelism, replan, 0.0, nobody, nobody)


def apply_fresh(found: Session, *, parallelism: int = 1) -> Report:
    """``apply --yes --prune``."""
    report = applying(found, parallelism=parallelism).fresh(Request(prune=True), "", _agreed)
    assert report is not None
    return report


def _agreed(plan: Plan) -> bool:
    assert not plan.problems, plan.problems
    return True


def resume(found: Session, *, parallelism: int = 1) -> Report:
    """``apply --resume``."""
    return applying(found, parallelism=parallelism).resume()


def plan(found: Session) -> Plan:
    """``plan --prune``."""
    return found.plan(Request(prune=True))


Documents = Sequence[Mapping[str, Any]]


@dataclass
class Bound:
    """Manifests, loaded and bound once, with the variables of those who use them."""

    workspace: Workspace
    environ: dict[str, str]


@dataclass
class Shelf:
    """Loads projects into folders of their own below ``root``, each once."""

    root: Path
    _made: int = field(default=0, init=False)

    def bound(self, documents: Documents, *, stack: str = "demo", **environ: str) -> Bound:
        """A project with these manifests."""
        self._made += 1
        project = Project.create(
            self.root / f"project-{self._made}",
            url="https://tenant.example.com",
            stack=stack,
            prune=True,
            guards={"maxDeletes": 100, "maxDeletePercent": 100, "maxUpdatePercent": 100},
        )
        project.write("code/index.js", CODE)
        project.environ |= {"SECRET_ONE": "first-secret-value", **environ}
        project.put("all.yaml", *documents)
        workspace = load_workspace(project.root, "local", environ=project.environ, resolve_secrets=True)
        workspace.bound.require()
        return Bound(workspace, project.environ)

    def folder(self, template: Path | None = None) -> Path:
        """A folder for a ledger, which may begin as a copy."""
        self._made += 1
        path = self.root / f"state-{self._made}"
        if template is not None and template.exists():
            shutil.copytree(template, path)
        return path


def entries(store: StateStore, server: TenantServer) -> dict[str, Any]:
    """The ledger's entries with ids as names, without fingerprints, which are salted, and without the tags that were seen."""
    blob = store.read("ledger.json")
    found = json.loads(blob.data)["entries"] if blob is not None else {}
    bare = {key: {name: value for name, value in entry.items() if name != "etag"} for key, entry in found.items()}
    return dict(_named(bare, server.names()))
