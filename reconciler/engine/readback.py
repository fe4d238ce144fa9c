"""Reading back: whether what an apply touched is live as it was meant to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from reconciler.core.compare import compare
from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Entry, Key, Observed
from reconciler.core.values import Secret
from reconciler.core.wire import live_tree
from reconciler.cxone.client import Client
from reconciler.engine.concurrency import side_by_side
from reconciler.errors import ReconcilerError

LIST_FROM = 20
"""From this many touched resources of a kind on, its listing is cheaper than asking for each."""

WAITS = (0.1, 0.4, 1.0)
"""Seconds to wait before reading again what has not converged: listings of some tenants lag behind their writes."""


async def read_back(
    client: Client, kinds: Kinds, touched: Mapping[Key, Entry | None], sleep: Callable[[float], Awaitable[None]]
) -> list[tuple[Key, str]]:
    """Read every touched resource once more; returns those that are not as the ledger says (None: gone), and how."""
    left = dict(touched)
    diverged: list[tuple[Key, str]] = []
    for wait in (0.0, *WAITS):
        if not left:
            return []
        if wait:
            await sleep(wait)
        try:
            diverged = await _look(client, kinds, left)
        except ReconcilerError as error:
            return [(key, f"could not be read back: {error.message}") for key in sorted(left)]
        left = {key: left[key] for key, _ in diverged}
    return diverged


async def _look(client: Client, kinds: Kinds, touched: Mapping[Key, Entry | None]) -> list[tuple[Key, str]]:
    by_kind: dict[str, list[Key]] = {}
    for key in sorted(touched):
        by_kind.setdefault(key.kind, []).append(key)
    found: list[tuple[Key, str]] = []
    for name, keys in by_kind.items():
        live = await _read(client, kinds[name], [touched[key] for key in keys])
        for key in keys:
            entry = touched[key]
            message = _differs(kinds[name], entry, live.get(entry.id) if entry else None)
            if message:
                found.append((key, message))
    return found


async def _read(client: Client, kind: Kind, entries: list[Entry | None]) -> dict[str, Observed]:
    wanted = [entry.id for entry in entries if entry is not None]
    if len(wanted) >= LIST_FROM:
        return {item.id: item for item in await client.list(kind)}

    async def one(resource_id: str) -> Observed | None:
        return await client.get(kind, resource_id)

    return {item.id: item for item in await side_by_side(wanted, one) if item is not None}


def _differs(kind: Kind, entry: Entry | None, live: Observed | None) -> str:
    if entry is None:
        return ""
    if live is None:
        return "is not there"
    found = compare(
        kind, entry.fields, entry.fields, live_tree(kind, live.body), fingerprint=lambda secret: secret.fingerprint
    )
    labels = [item.label for item in found.changes if item.sends and not isinstance(item.desired, Secret)]
    return f"reads back otherwise at {', '.join(labels)}" if labels else ""
