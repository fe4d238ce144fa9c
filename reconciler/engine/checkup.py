"""The check-up of a target: each thing that a command needs, tried for real, with what to do where it fails."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reconciler.core.kind import Kind
from reconciler.cxone.client import Client
from reconciler.engine.session import run
from reconciler.engine.state.checkup import check_state
from reconciler.engine.state.store import open_store
from reconciler.engine.tenant import open_tenant, scopes_for
from reconciler.engine.workspace import Workspace, load_workspace
from reconciler.errors import ApiError, AuthenticationError, ReconcilerError, ScopeMissing

State = Literal["ok", "warn", "FAIL"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was tried, how it stands, and what to do."""

    state: State
    subject: str
    message: str
    fix: str = ""

    def to_json(self) -> dict[str, str]:
        """The finding as JSON."""
        return {"state": self.state, "subject": self.subject, "message": self.message, "fix": self.fix}


def examine(directory: Path | None, target: str) -> list[Finding]:
    """Try everything that can be tried; an error in one thing does not keep the others from being tried."""
    try:
        workspace = load_workspace(directory, target, resolve_secrets=True)
    except ReconcilerError as error:
        return [Finding("FAIL", "project", error.message, error.fix)]
    findings = [
        Finding("ok", "project", f"{workspace.project.name} at {workspace.target.url}, target {target}"),
        _manifests(workspace),
    ]
    findings += _ledger(workspace)
    findings += run(lambda: _tenant(workspace))
    return findings


def _manifests(workspace: Workspace) -> Finding:
    errors = [item for item in workspace.bound.diagnostics if item.severity == "error"]
    if errors:
        return Finding("FAIL", "manifests", f"{len(errors)} errors", "`reconciler validate` shows them")
    return Finding("ok", "manifests", f"{workspace.documents} manifests, {len(workspace.bound.desired)} resources")


def _ledger(workspace: Workspace) -> list[Finding]:
    try:
        store = open_store(workspace.target.ledger, workspace.project.root, workspace.target.name)
        found = check_state(store, stack=workspace.project.stack, target=workspace.target.url)
    except ReconcilerError as error:
        return [Finding("FAIL", "ledger", error.message, error.fix)]
    return [Finding("FAIL" if item.bad else "ok", item.subject, item.message) for item in found]


async def _tenant(workspace: Workspace) -> list[Finding]:
    kinds = [kind for kind in workspace.kinds.values() if kind.wire is not None]
    try:
        client = _client(workspace, kinds, write=False)
    except ReconcilerError as error:
        return [Finding("FAIL", "credentials", error.message, error.fix)]
    async with client:
        findings = [await _collection(client, kind) for kind in sorted(kinds, key=lambda item: item.name)]
    findings += [
        await _scopes(workspace, kinds, "plan, drift", write=False),
        await _scopes(workspace, kinds, "apply", write=True),
    ]
    return findings


def _client(workspace: Workspace, kinds: list[Kind], *, write: bool) -> Client:
    return open_tenant(
        workspace.project,
        workspace.target,
        workspace.kinds,
        environ=os.environ,
        needed=[kind.name for kind in kinds],
        write=write,
    )


async def _collection(client: Client, kind: Kind) -> Finding:
    assert kind.wire is not None
    try:
        found = await client.list(kind)
    except AuthenticationError as error:
        return Finding("FAIL", kind.name, error.message, error.fix)
    except ApiError as error:
        fix = error.fix or f"check spec.targets.*.api.paths.{kind.name} (now {kind.wire.collection})"
        return Finding("FAIL", kind.name, error.message, fix)
    return Finding("ok", kind.name, f"{len(found)} live at {kind.wire.collection}")


async def _scopes(workspace: Workspace, kinds: list[Kind], commands: str, *, write: bool) -> Finding:
    """Ask for the token of some commands; the collection that is read with it does not matter."""
    subject = f"scopes for {commands}"
    wanted = scopes_for(kinds, write=write)
    try:
        async with _client(workspace, kinds, write=write) as client:
            await client.list(min(kinds, key=lambda item: item.name), name="reconciler-doctor")
    except ScopeMissing as error:
        return Finding("FAIL", subject, error.message, error.fix)
    except ReconcilerError as error:
        return Finding("FAIL", subject, error.message, error.fix)
    return Finding("ok", subject, " ".join(wanted))
