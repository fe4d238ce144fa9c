"""Testing actions on this machine alone: in a tenant that holds them and nothing else, and that is gone afterwards.

It is the emulator, in memory, so that schemas, environment, limits and the runner are those that it has as a target, too.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.resource import Desired
from reconciler.core.values import Secret, Tree, Unknown
from reconciler.core.wire import request_body
from reconciler.cxone.client import Client
from reconciler.cxone.executions import SCOPES
from reconciler.cxone.text import without
from reconciler.engine.session import run
from reconciler.engine.tenant import open_passing_tenant
from reconciler.engine.workspace import Workspace
from reconciler.errors import ApiError, NotApplied
from reconciler.jobs.action_tests.cases import KIND, Suite
from reconciler.jobs.action_tests.report import Results
from reconciler.jobs.action_tests.runner import Place, run_suites, secret_values
from reconciler.loading.bundle import read_bundle


def run_locally(workspace: Workspace, suites: Sequence[Suite]) -> Results:
    """Run tests without any target. Raises `SourcesMoved` where code changes meanwhile."""
    began = time.monotonic()

    async def work() -> Results:
        kind = workspace.kinds[KIND]
        scopes = (*SCOPES, *(kind.wire.write_scopes if kind.wire is not None else ()))
        redact = without(secret_values(suites))
        tenant = open_passing_tenant(workspace.project, workspace.target, workspace.kinds, scopes=scopes, redact=redact)
        async with tenant as client:
            places = {str(suite.action.key): await _deploy(client, kind, workspace, suite.action) for suite in suites}
            reports = await run_suites(client, kind, suites, places)
        return Results("this machine", reports, time.monotonic() - began)

    return run(work)


async def _deploy(client: Client, kind: Kind, workspace: Workspace, action: Desired) -> Place | NotApplied:
    """Create an action as its manifest declares it; what only a tenant or a provider could tell is made up or left out."""
    fields, warnings = _reachable(action)
    body = request_body(
        kind,
        fields,
        identify=_made_up,
        reveal=lambda secret: secret.reveal(),
        content=lambda bundle: read_bundle(workspace.project.root, bundle),
    )
    try:
        live = await client.create(kind, body, idempotency_key=str(action.key))
    except ApiError as error:
        return NotApplied(f"{action.key} cannot be set up: {error.message}", fix=error.fix or "correct its manifest")
    return Place(live.id, warnings)


def _reachable(action: Desired) -> tuple[Tree, tuple[str, ...]]:
    """An action's fields without variables whose secrets are out of reach, and a warning for each of those."""
    environment: dict[str, Any] = action.fields.get("environment") or {}
    missing = {name: value for name, value in environment.items() if isinstance(value, Secret) and not value.resolved}
    kept = {name: value for name, value in environment.items() if name not in missing}
    fields = action.fields | ({"environment": kept} if environment else {})
    return fields, tuple(
        f"{name} is not set: the secret {value.reference} is out of reach here" for name, value in missing.items()
    )


def _made_up(reference: Unknown) -> str:
    """What stands for a live field where nothing is live."""
    return f"{reference.kind}-{reference.name}-{reference.field}".lower()
