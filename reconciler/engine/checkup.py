"""The check-up of a target: each thing that a command needs, tried for real, with what to do where it fails."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path

from reconciler.core.kind import Kind
from reconciler.cxone.client import Client
from reconciler.cxone.message import RequestRecord
from reconciler.engine.checkup_database import check_databases
from reconciler.engine.checkup_ledger import check_ledger
from reconciler.engine.checkup_scopes import check_scopes, scopes_by_command
from reconciler.engine.checkup_tls import check_tls
from reconciler.engine.clock import now
from reconciler.engine.finding import Finding, State
from reconciler.engine.session import run
from reconciler.engine.state.ledger import load_ledger
from reconciler.engine.state.store import open_store
from reconciler.engine.tenant import open_tenant, scopes_for
from reconciler.engine.workspace import Workspace, load_workspace
from reconciler.errors import ApiError, AuthenticationError, InvalidProject, ReconcilerError, ScopeMissing
from reconciler.loading.project import PROJECT_FILE

MAX_SKEW_SECONDS = 60
"""Seconds by which this machine's clock may differ from the server's before expiries and logs become misleading."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Where a check-up tells of its requests: a line for each to ``tell``, with what ``detail`` adds (2: headers, 3: bodies)."""

    tell: Callable[[str], None] = lambda _: None
    detail: int = 0


SILENCE = Listener()


@dataclass(frozen=True, slots=True)
class Scope:
    """What a check-up is about.

    ``commands``: plan, apply, run, test, or none of them for all. ``must_share``: the ledger must be one that other machines
    reach. ``more``: the scopes that commands beyond plan and apply need for a project, by command.
    """

    commands: frozenset[str] = frozenset()
    must_share: bool = False
    more: Callable[[Workspace], Mapping[str, Sequence[str]]] = lambda _: {}

    @property
    def writes(self) -> bool:
        """Whether commands are asked about that write the ledger."""
        return self.commands != {"plan"}


def examine(
    directory: Path | None, target: str, listener: Listener = SILENCE, scope: Scope | None = None
) -> list[Finding]:
    """Try everything that can be tried; an error in one thing does not keep the others from being tried."""
    wanted = scope or Scope()
    try:
        workspace = load_workspace(directory, target, resolve_secrets=True)
    except ReconcilerError as error:
        return [_no_project(error)]
    findings = [
        Finding("ok", "project", f"{workspace.project.name} at {workspace.target.url}, target {target}"),
        _manifests(workspace),
    ]
    findings += check_ledger(workspace, writes=wanted.writes, must_share=wanted.must_share)
    findings += check_tls(workspace.project.root, workspace.target, now())
    findings += run(lambda: _tenant(workspace, listener, wanted))
    if not wanted.commands or "run" in wanted.commands:
        findings += check_databases(workspace.bound.jobs)
    return findings


def _no_project(error: ReconcilerError) -> Finding:
    found = error.diagnostics if isinstance(error, InvalidProject) else ()
    if not found:
        return Finding("FAIL", "project", error.message, error.fix)
    message = (
        f"{len(found)} {'error' if len(found) == 1 else 'errors'} in {PROJECT_FILE}, the first: {found[0].message}"
    )
    return Finding("FAIL", "project", message, "`reconciler validate` shows them at their places")


def _manifests(workspace: Workspace) -> Finding:
    errors = [item for item in workspace.bound.diagnostics if item.severity == "error"]
    if errors:
        return Finding("FAIL", "manifests", f"{len(errors)} errors", "`reconciler validate` shows them")
    return Finding("ok", "manifests", f"{workspace.documents} manifests, {len(workspace.bound.desired)} resources")


async def _tenant(workspace: Workspace, listener: Listener, scope: Scope) -> list[Finding]:
    """Everything that needs the network: the token first, since without one nothing else says anything new."""
    kinds = sorted((kind for kind in workspace.kinds.values() if kind.wire is not None), key=lambda item: item.name)
    names = _used(workspace)
    used = [kind for kind in kinds if kind.name in names] or kinds
    dates: list[str] = []

    def client(scopes: Sequence[str]) -> Client:
        return _client(workspace, scopes, dates=dates, listener=listener)

    try:
        client(())
    except ReconcilerError as error:
        return [Finding("FAIL", "credentials", error.message, error.fix)]
    findings: list[Finding] = []
    async for found in check_scopes(client, scopes_by_command(used, scope.more(workspace), scope.commands)):
        if not findings:
            if found.state == "FAIL" and not isinstance(found.cause, ScopeMissing):
                return [Finding("FAIL", "token", found.message, found.fix)]
            findings.append(Finding("ok", "token", f"granted by {workspace.target.url}"))
        findings.append(found)
    for kind in kinds:
        # With a token of its own, so that the scope that one kind lacks is not held against the others.
        async with client(scopes_for([kind], write=False)) as single:
            findings.append(await _collection(single, kind, used=kind in used))
    return [*findings, _clock(dates)]


def _used(workspace: Workspace) -> set[str]:
    """The kinds that manifests or ledger name: those whose scopes the commands ask for."""
    names = {item.key.kind for item in workspace.bound.desired}
    with suppress(ReconcilerError):  # a ledger that cannot be read has a line of its own
        store = open_store(workspace.target.ledger, workspace.project.root, workspace.target.name)
        ledger = load_ledger(store, stack=workspace.project.stack, target=workspace.target.url)
        names |= {key.kind for key in ledger.entries}
    return names


def _client(workspace: Workspace, scopes: Sequence[str], *, dates: list[str], listener: Listener) -> Client:
    def on_request(record: RequestRecord) -> None:
        dates.append(record.date)
        listener.tell(record.line)

    return open_tenant(
        workspace.project,
        workspace.target,
        workspace.kinds,
        environ=os.environ,
        needed=(),
        write=False,
        on_request=on_request,
        tell=listener.tell,
        detail=listener.detail,
        scopes=scopes,
    )


def _clock(dates: list[str]) -> Finding:
    """How far this machine's clock is from the server's, by the newest ``Date`` header."""
    known = [date for date in dates if date]
    if not known:
        return Finding("ok", "clock", "the server does not tell its time")
    try:
        skew = abs((parsedate_to_datetime(known[-1]) - now()).total_seconds())
    except ValueError:
        return Finding("warn", "clock", f"the server's time cannot be read: {known[-1]}")
    if skew > MAX_SKEW_SECONDS:
        return Finding("warn", "clock", f"differs from the server's by {skew:.0f} s", "set this machine's clock")
    return Finding("ok", "clock", f"within {MAX_SKEW_SECONDS} s of the server's")


async def _collection(client: Client, kind: Kind, *, used: bool) -> Finding:
    """List a kind. What keeps us from one that the project does not use is worth a warning only."""
    assert kind.wire is not None
    state: State = "FAIL" if used else "warn"
    note = "" if used else "; this project has none of the kind"
    try:
        found = await client.list(kind)
    except AuthenticationError as error:
        return Finding(state, kind.name, error.message + note, error.fix)
    except ApiError as error:
        fix = error.fix or f"check spec.targets.*.api.paths.{kind.name} (now {kind.wire.collection})"
        return Finding(state, kind.name, error.message + note, fix)
    return Finding("ok", kind.name, f"{len(found)} live at {kind.wire.collection}")
