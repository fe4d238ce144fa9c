"""What a job works with: its manifest, the tenant, its folder, and how it is asked to stop and tells of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from reconciler.core.resource import Desired, Key
from reconciler.core.values import Tree
from reconciler.errors import NotApplied
from reconciler.jobs.folder import JobFolder
from reconciler.jobs.job import JobOptions
from reconciler.jobs.metrics import JobMetrics
from reconciler.jobs.progress import Progress
from reconciler.jobs.stop import JobStop
from reconciler.loading.manifest import Job as Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from reconciler.cxone.client import Client
    from reconciler.engine.session import Session
    from reconciler.jobs.audit import JobAudit


@dataclass(slots=True)
class JobContext:
    """One run of one job.

    ``manifest.model`` is the validated spec (placeholders for secrets), ``manifest.spec`` the same as a tree with typed
    secrets. ``base_url`` is where the tenant is reached, also for a WebSocket; for the embedded target the port that its
    emulator is served on while the job runs. ``note`` and ``warn`` take a sentence for the person at the terminal, ``debug`` one
    that only ``-v`` asks for.
    """

    session: Session
    manifest: Manifest
    folder: JobFolder
    options: JobOptions
    stop: JobStop
    progress: Progress
    audit: JobAudit
    metrics: JobMetrics
    note: Callable[[str], None]
    warn: Callable[[str], None]
    debug: Callable[[str], None]
    base_url: str = ""
    connected: Client | None = field(default=None, repr=False)

    @property
    def key(self) -> Key:
        """The job's key."""
        return self.manifest.key

    @property
    def spec(self) -> Any:
        """The validated spec: the kind's own model."""
        return self.manifest.model

    @property
    def root(self) -> Path:
        """The project's folder, which paths in manifests are relative to."""
        return self.session.workspace.project.root

    @property
    def client(self) -> Client:
        """The tenant. Raises RuntimeError in a dry run of a job that has none then."""
        if self.connected is None:
            raise RuntimeError(f"a dry run of {self.key} has no client")
        return self.connected

    def shown(self, path: Path) -> str:
        """A file by the name that reports give it: relative to the project where it is inside."""
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def declared(self, kind: str, name: str) -> Desired:
        """A resource as its manifest declares it. Raises `NotApplied` where this target has no such manifest."""
        key = Key(kind, name)
        for item in self.session.workspace.bound.desired:
            if item.key == key:
                return item
        raise NotApplied(f"{key} is not declared for target {self.session.workspace.target.name}")

    def fragment(self, kind: str, name: str) -> Tree:
        """A fragment's spec. Raises `NotApplied` where this target has no such manifest."""
        key = Key(kind, name)
        for item in self.session.workspace.bound.fragments:
            if item.key == key:
                return item.spec
        raise NotApplied(f"{key} is not declared for target {self.session.workspace.target.name}")

    async def resolve(self, kind: str, name: str) -> str:
        """The live id of a resource: from the ledger, else by its name. Raises `NotApplied` where the tenant has none."""
        key = Key(kind, name)
        entry = self.session.ledger.entries.get(key)
        if entry is not None:
            return entry.id
        live_name = self.declared(kind, name).live_name
        found = await self.client.list(self.session.workspace.kinds[kind], name=live_name)
        if not found:
            raise NotApplied(
                f"{key} is not in the tenant yet",
                fix=f"`reconciler apply -t {self.session.workspace.target.name}` first",
            )
        return found[0].id
