"""The check-up of scopes: which of them are missing for which command."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager

from reconciler.core.kind import Kind
from reconciler.cxone.client import Client
from reconciler.engine.finding import Finding
from reconciler.engine.tenant import scopes_for
from reconciler.errors import ReconcilerError

Opener = Callable[[Sequence[str]], AbstractAsyncContextManager[Client]]
"""Opens a client whose token is asked for with some scopes."""

READING = "plan, drift"


def scopes_by_command(
    kinds: Sequence[Kind], more: Mapping[str, Sequence[str]], wanted: frozenset[str]
) -> dict[str, tuple[str, ...]]:
    """The scopes that commands need, by their names as they are shown.

    ``kinds`` are those in use, ``more`` what further commands need; ``wanted`` the commands that are asked about, all where it is
    empty. Reading comes first, since nothing goes without.
    """
    found = {READING: scopes_for(kinds, write=False)}
    if not wanted or "apply" in wanted:
        found["apply"] = scopes_for(kinds, write=True)
    found |= {
        name: tuple(sorted(scopes)) for name, scopes in more.items() if not wanted or name.partition(" ")[0] in wanted
    }
    return found


async def check_scopes(open_client: Opener, commands: Mapping[str, Sequence[str]]) -> AsyncIterator[Finding]:
    """A line for each command."""
    for command, scopes in commands.items():
        yield await _check(open_client, command, scopes)


async def _check(open_client: Opener, command: str, scopes: Sequence[str]) -> Finding:
    """Ask for a token with the scopes that a command needs, and name those that were not granted."""
    subject = f"scopes for {command}"
    try:
        async with open_client(scopes) as client:
            granted = await client.authenticate()
    except ReconcilerError as error:
        return Finding("FAIL", subject, error.message, error.fix, error)
    missing = [scope for scope in scopes if granted and scope not in granted]
    if missing:
        fix = "grant them to the API client (and name them in auth.scopes, if the target has that)"
        return Finding("FAIL", subject, f"not granted: {' '.join(missing)}", fix)
    return Finding("ok", subject, " ".join(scopes))
