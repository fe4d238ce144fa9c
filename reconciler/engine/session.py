"""One command's session with a target: project, ledger and client opened together, and closed whatever happens."""

from __future__ import annotations

import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import anyio

from reconciler.core.plan import Plan
from reconciler.core.resource import Entry, Key, Ledger
from reconciler.core.seal import secrets_in
from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.cxone.message import RequestRecord
from reconciler.cxone.text import without
from reconciler.engine.clock import now, stamp
from reconciler.engine.memory.settled import SettledMemory, recall_settled
from reconciler.engine.planner import Request, plan_tenant
from reconciler.engine.state.fingerprint import Fingerprinter, provisional_salt
from reconciler.engine.state.journal_lines import NAME, ended
from reconciler.engine.state.ledger import load_identified, load_ledger
from reconciler.engine.state.store import StateStore, open_store
from reconciler.engine.tenant import open_tenant
from reconciler.engine.workspace import CACHE, Workspace, load_workspace

if TYPE_CHECKING:
    from reconciler.engine.apply import Stop
    from reconciler.engine.state.audit import AuditLog
    from reconciler.engine.state.journal import JournalState

T = TypeVar("T")


@dataclass(slots=True)
class Session:
    """What plan, apply, drift, adopt and forget work with.

    ``ledger`` is as it was read at the start, or by `reload`; ``fingerprint`` belongs to its salt, and to a provisional one
    until there is a ledger; ``debug`` takes a line for every request, and what ``detail`` adds (2: headers, 3: bodies).
    ``extra_kinds`` are kinds beyond those of manifests and ledger (a saved plan's); ``revealed`` the secret values in use, which
    are removed from whatever a server says; ``audit`` takes every write, once a run that writes has begun; ``at_once`` is how many
    requests shall be in flight where that is more than usual. ``settled`` knows of the last plan that found nothing to do.
    """

    workspace: Workspace
    store: StateStore
    ledger: Ledger
    fingerprint: Fingerprinter
    environ: Mapping[str, str]
    debug: Callable[[str], None]
    detail: int = 0
    extra_kinds: set[str] = field(default_factory=set)
    revealed: set[str] = field(default_factory=set, repr=False)
    audit: AuditLog | None = None
    at_once: int = 0
    settled: SettledMemory | None = None

    @classmethod
    @contextmanager
    def open(
        cls,
        directory: Path | None,
        target: str,
        *,
        debug: Callable[[str], None],
        detail: int = 0,
        environ: Mapping[str, str] | None = None,
        need_manifests: bool = True,
        recall: bool = False,
    ) -> Iterator[Session]:
        """Load the project and its ledger; ``recall`` is as `load_workspace` has it.

        Raises `InvalidManifests` unless ``need_manifests`` is off.
        """
        variables = os.environ if environ is None else environ
        workspace = load_workspace(directory, target, environ=variables, resolve_secrets=True, recall=recall)
        if need_manifests:
            workspace.bound.require()
        store = open_store(workspace.target.ledger, workspace.project.root, workspace.target.name)
        ledger, settled = _read_state(workspace, store)
        salt = provisional_salt(ledger.stack, ledger.target) if ledger.lost else ledger.salt
        yield cls(workspace, store, ledger, Fingerprinter(salt), variables, debug, detail, settled=settled)

    @property
    def kinds_needed(self) -> set[str]:
        """The kinds that manifests or ledger name."""
        if self.settled is not None and self.settled.recalled is not None:
            return {*self.settled.recalled.kinds, *self.extra_kinds}
        wanted = {item.key.kind for item in self.workspace.bound.desired}
        return wanted | {key.kind for key in self.ledger.entries} | self.extra_kinds

    def client(self, *, write: bool, scopes: Sequence[str] = (), patience_seconds: float = 0.0) -> Client:
        """A client with the scopes that this session needs, or with ``scopes`` alone; both as `open_tenant` has them."""
        return open_tenant(
            self.workspace.project,
            self.workspace.target,
            self.workspace.kinds,
            environ=self.environ,
            needed=self.kinds_needed,
            write=write,
            on_request=self._on_request,
            redact=self._redact,
            tell=self.debug,
            detail=self.detail,
            scopes=scopes,
            patience_seconds=patience_seconds,
            at_once=self.at_once,
        )

    def _on_request(self, record: RequestRecord) -> None:
        if self.audit is not None and record.method != "GET":
            self.audit.add(
                "request",
                at=stamp(now()),
                method=record.method,
                path=record.path,
                status=record.status,
                requestId=record.request_id,
                latencyMs=round(record.seconds * 1000),
            )
        self.debug(record.line)

    def _redact(self, text: str) -> str:
        return without(self.revealed)(text)

    def reload(self) -> None:
        """Read the ledger again, now that nobody else can write it; from here on, marks are made with its own salt."""
        self.ledger, self.settled = _read_state(self.workspace, self.store)
        self.fingerprint = Fingerprinter(self.ledger.salt)

    def mark(self, secret: Secret) -> str:
        """A secret's fingerprint under this ledger's salt; empty where its value is out of reach."""
        if not secret.resolved:
            return ""
        value = secret.reveal()
        self.revealed.add(value)
        return self.fingerprint(value)

    def plan(self, request: Request) -> Plan:
        """Make a plan through a client that refuses every write."""

        async def work() -> Plan:
            async with self.client(write=False) as client:
                return await self.plan_with(client, request)

        return run(work)

    async def plan_with(self, client: Client, request: Request) -> Plan:
        """Make a plan through a client that is already open."""
        from reconciler.engine.commit import current_commit

        self._begin_marks()
        return await plan_tenant(
            self.workspace,
            client,
            self.ledger,
            request,
            fingerprint=self.mark,
            outcome_unknown=self.interrupted,
            commit=current_commit(self.workspace.project.root),
            settled=self.settled,
        )

    def _begin_marks(self) -> None:
        """Start on the fingerprints of all secrets at hand, which are made while the tenant is listed."""
        self.fingerprint.begin({secret.reveal() for secret in self._secrets() if secret.resolved})

    def _secrets(self) -> Iterable[Secret]:
        if self.workspace.identity is not None:
            return self.workspace.identity.secrets
        kinds = self.workspace.kinds
        return (
            secret
            for item in self.workspace.bound.desired
            for rule in kinds[item.key.kind].secret_maps
            for secret in secrets_in(item.fields.get(rule.path))
        )

    @property
    def interrupted(self) -> bool:
        """Whether an apply of this target was cut off, so that nobody knows what became of its last requests."""
        return self.open_journal() is not None

    def open_journal(self) -> JournalState | None:
        """The journal of an apply of this target that was interrupted; None where the last one ended.

        Raises `LedgerDamaged` where it does not read back, `LedgerError` for one of another stack or tenant.
        """
        if ended(self.store):
            return None
        from reconciler.engine.state import journal

        state = journal.open_journal(self.store)
        if state is not None:
            project, url = self.workspace.project, self.workspace.target.url
            journal.require_own(state, self.store.place(NAME), stack=project.stack, target=url)
        return state

    def before(self, key: Key) -> Entry | None:
        """What the ledger held of a key when the session began."""
        return self.ledger.entries.get(key)


def _read_state(workspace: Workspace, store: StateStore) -> tuple[Ledger, SettledMemory | None]:
    """The ledger, and what is known of an earlier plan that was made from it and from the same manifests."""
    stack, url, identity = workspace.project.stack, workspace.target.url, workspace.identity
    if identity is None:
        return load_ledger(store, stack=stack, target=url), None
    cache, name = workspace.project.root / CACHE, workspace.target.name
    found = recall_settled(cache, name, identity.digest)
    ledger, digest = load_identified(store, stack=stack, target=url, known=found.ledger if found else "")
    if not digest:
        return ledger, None
    recalled = found if found is not None and found.ledger == digest else None
    return ledger, SettledMemory(cache, name, identity.digest, digest, identity.secrets, recalled)


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Run a piece of asynchronous work to its end."""
    found: list[T] = []

    async def kept() -> None:
        # asyncio spells out what its first task has given when it takes back its signal handler: seconds, for a large plan.
        found.append(await work())

    anyio.run(kept)
    return found[0]


@contextmanager
def stop_on_signals(stop: Stop) -> Iterator[None]:
    """Turn SIGINT and SIGTERM into a request to stop after what is in flight; a second one is not waited for."""

    def ask(number: int, frame: object) -> None:  # noqa: ARG001
        if stop.requested and stop.signal:
            raise KeyboardInterrupt
        stop.ask("interrupted", signal=number)

    previous = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
