"""Testing actions where they live: on a target, after an apply."""

from __future__ import annotations

import time
from collections.abc import Sequence

from reconciler.core.kind import Kind
from reconciler.core.resource import Desired, Observed
from reconciler.core.values import Bundle
from reconciler.cxone.client import Client
from reconciler.cxone.executions import SCOPES
from reconciler.engine.session import Session, run
from reconciler.errors import NotApplied
from reconciler.jobs.action_tests.cases import KIND, Suite
from reconciler.jobs.action_tests.report import Results
from reconciler.jobs.action_tests.runner import Place, run_suites, secret_values

LONGEST_EXECUTION_SECONDS = 60.0
"""How long an answer is waited for: an action may take 30 s, and wait for its turn before."""


def run_on_target(session: Session, suites: Sequence[Suite]) -> Results:
    """Run tests on the session's target. Raises `AuthenticationError`, and `ApiError` where the actions cannot be found."""
    workspace = session.workspace
    began = time.monotonic()

    async def work() -> Results:
        kind = workspace.kinds[KIND]
        session.revealed.update(secret_values(suites))
        async with session.client(write=True, scopes=SCOPES, patience_seconds=LONGEST_EXECUTION_SECONDS) as client:
            places = {str(suite.action.key): await _place(session, client, kind, suite.action) for suite in suites}
            reports = await run_suites(client, kind, suites, places)
        return Results(f"target {workspace.target.name}", reports, time.monotonic() - began)

    return run(work)


async def _place(session: Session, client: Client, kind: Kind, action: Desired) -> Place | NotApplied:
    """Where an action is in the tenant; one that is not there, or runs other code, is told so."""
    target = session.workspace.target.name
    live = await _live(session, client, kind, action)
    if live is None:
        return NotApplied(f"{action.key} is not in the tenant yet", fix=f"`reconciler apply -t {target}` first")
    return Place(live.id, _differing(live, action, target))


async def _live(session: Session, client: Client, kind: Kind, action: Desired) -> Observed | None:
    entry = session.ledger.entries.get(action.key)
    if entry is not None and (found := await client.get(kind, entry.id)) is not None:
        return found
    named = await client.list(kind, name=action.live_name)
    return named[0] if named else None


def _differing(live: Observed, action: Desired, target: str) -> tuple[str, ...]:
    code, digest = action.fields.get("code"), live.body.get("codeSha256")
    if not isinstance(code, Bundle) or not isinstance(digest, str) or digest == code.sha256:
        return ()
    return (f"the tenant runs another bundle than your working tree has: `reconciler apply -t {target}` first",)
