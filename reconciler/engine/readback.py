"""Reading back: whether what an apply touched is live as it was meant to be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from reconciler.core.cost import READ_BACK_LISTS_FROM
from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Entry, Key, Observed
from reconciler.core.settled import divergence
from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.engine.concurrency import side_by_side
from reconciler.errors import ReconcilerError

WAITS = (0.1, 0.4, 1.0)
"""Seconds to wait before reading again what has not converged: listings of some tenants lag behind their writes."""


@dataclass(frozen=True, slots=True)
class Gone:
    """What is to be read of a resource that was deleted: nothing under its id."""

    id: str


Touched = Mapping[Key, Entry | Gone]
"""What an apply touched, each with what is to be live of it."""


AsMeant = Callable[[Key, Observed], bool]
"""Whether it is known already that a resource is as it should be, going by all of it that was read; false where it must be looked at."""


@dataclass(slots=True)
class Seen:
    """What reading back found.

    ``diverged`` are the resources that are not as the ledger says, and how; ``etags`` those of the others, empty where the
    tenant gives none; ``kept`` are those of the diverged that were deleted and are live all the same.
    """

    diverged: list[tuple[Key, str]] = field(default_factory=list)
    etags: dict[Key, str] = field(default_factory=dict)
    kept: frozenset[Key] = frozenset()


def _not_known(_: Key, __: Observed) -> bool:
    return False


async def read_back(
    client: Client,
    kinds: Kinds,
    touched: Touched,
    sleep: Callable[[float], Awaitable[None]],
    as_meant: AsMeant = _not_known,
) -> Seen:
    """Read every touched resource once more and compare it with the ledger, or see that it is gone."""
    left = dict(touched)
    seen = Seen()
    for wait in (0.0, *WAITS):
        if not left:
            break
        if wait:
            await sleep(wait)
        try:
            seen.diverged = await _look(client, kinds, left, seen.etags, as_meant)
        except ReconcilerError as error:
            seen.diverged = [(key, f"could not be read back: {error.message}") for key in sorted(left)]
            break
        left = {key: left[key] for key, _ in seen.diverged}
        seen.kept = frozenset(key for key, item in left.items() if isinstance(item, Gone))
    return seen


async def _look(
    client: Client, kinds: Kinds, touched: Touched, etags: dict[Key, str], as_meant: AsMeant
) -> list[tuple[Key, str]]:
    by_kind: dict[str, list[Key]] = {}
    for key in touched:
        by_kind.setdefault(key.kind, []).append(key)
    found: list[tuple[Key, str]] = []

    async def read(name: str) -> dict[str, Observed]:
        return await _read(client, kinds[name], [touched[key].id for key in by_kind[name]])

    for (name, keys), live in zip(by_kind.items(), await side_by_side(list(by_kind), read), strict=True):
        for key in keys:
            entry = touched[key]
            item = live.get(entry.id)
            if isinstance(entry, Gone):
                if item is not None and not _deactivated(kinds[name], item):
                    found.append((key, "is still there, though the tenant confirmed that it was deleted"))
                continue
            if item is None:
                found.append((key, "is not there"))
                continue
            changes = () if as_meant(key, item) else divergence(kinds[name], entry, item)
            labels = [item.label for item in changes if item.sends and not isinstance(item.desired, Secret)]
            if labels:
                found.append((key, f"reads back otherwise at {', '.join(labels)}"))
            elif not changes:
                etags[key] = item.etag
    return sorted(found)


def _deactivated(kind: Kind, live: Observed) -> bool:
    """Whether a resource is in the state that stands for a delete where the API has none."""
    patch = kind.wire.deactivate if kind.wire is not None else None
    return patch is not None and all(live.body.get(name) == value for name, value in patch.items())


async def _read(client: Client, kind: Kind, wanted: list[str]) -> dict[str, Observed]:
    if len(wanted) >= READ_BACK_LISTS_FROM:
        return {item.id: item for item in await client.list(kind)}

    async def one(resource_id: str) -> Observed | None:
        return await client.get(kind, resource_id)

    return {item.id: item for item in await side_by_side(wanted, one) if item is not None}
