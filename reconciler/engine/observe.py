"""Observing: one paged listing for every kind that manifests or ledger name, and nothing taken for absent unasked."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.core.kind import Kind, Kinds
from reconciler.core.resource import Desired, Ledger, Observed
from reconciler.cxone.client import Client
from reconciler.engine.concurrency import side_by_side


async def observe(
    client: Client,
    kinds: Kinds,
    desired: Iterable[Desired],
    ledger: Ledger,
    *,
    listed: dict[str, list[Observed]] | None = None,
) -> dict[str, list[Observed]]:
    """List every kind that is wanted or owned, concurrently, but for those that were ``listed`` already.

    A resource of the ledger that its list lacks is asked for by id before it counts as gone (design §4). A listing that fails
    fails the observation: nothing is ever planned on half of a tenant.
    """
    observed = dict(listed or {})
    wanted = {item.key.kind for item in desired} | {key.kind for key in ledger.entries}
    observed |= await observe_kinds(client, kinds, wanted - observed.keys())
    seen = {(kind, item.id) for kind, items in observed.items() for item in items}
    lacking = [
        (kinds[key.kind], entry.id)
        for key, entry in sorted(ledger.entries.items())
        if key.kind in observed and (key.kind, entry.id) not in seen
    ]

    async def confirm(item: tuple[Kind, str]) -> Observed | None:
        return await client.get(*item)

    for found in await side_by_side(lacking, confirm):
        if found is not None:
            observed[found.kind].append(found)
    return observed


async def observe_kinds(client: Client, kinds: Kinds, wanted: Iterable[str]) -> dict[str, list[Observed]]:
    """List some kinds, concurrently; names that are no kind are left out."""
    listed = [kinds[name] for name in sorted(set(wanted)) if name in kinds]
    answers = await side_by_side(listed, client.list)
    return {kind.name: list(found) for kind, found in zip(listed, answers, strict=True)}
