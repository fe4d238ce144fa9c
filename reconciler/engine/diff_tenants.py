"""Two tenants side by side: what is live in the one and otherwise, or not at all, in the other."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from reconciler.core.difference import Difference, Side
from reconciler.core.differing import compare_sides
from reconciler.core.kind import Kinds
from reconciler.core.resource import Desired, Key, Observed
from reconciler.core.selection import Selector, narrowing_words, select
from reconciler.core.stated_live import LiveSide, live_side
from reconciler.engine.concurrency import side_by_side
from reconciler.engine.observe import observe_kinds
from reconciler.engine.session import run
from reconciler.engine.tenant import open_tenant
from reconciler.errors import UsageError
from reconciler.kinds import load_kinds
from reconciler.loading.project import Project, Target
from reconciler.loading.project_file import load_project


@dataclass(frozen=True, slots=True)
class Asking:
    """How tenants are asked: variables that credentials come from, and where a line for every request goes."""

    environ: Mapping[str, str]
    debug: Callable[[str], None]
    detail: int = 0


def diff_tenants(
    directory: Path | None,
    target: str,
    against: str,
    *,
    debug: Callable[[str], None],
    detail: int = 0,
    environ: Mapping[str, str] | None = None,
    only: Sequence[Selector] = (),
    exclude: Sequence[Selector] = (),
) -> Difference:
    """What is live in ``target`` and otherwise in ``against``, resource by resource of the same kind and name.

    Manifests and ledgers have no part in it, and nothing is written. Raises `UsageError` for one target twice or a selection
    without anything in it.
    """
    if target == against:
        raise UsageError(f"{target} would be compared with itself", fix="name another target with --against")
    project, kinds = load_project(directory), load_kinds()
    sides = (project.target(against), project.target(target))
    asking = Asking(os.environ if environ is None else environ, debug, detail)
    before, after = (live_side(kinds, found) for found in _observe(project, sides, kinds, asking))
    return _compared(kinds, sides, before, after, only, exclude)


def _observe(
    project: Project, sides: Sequence[Target], kinds: Kinds, asking: Asking
) -> list[dict[str, list[Observed]]]:
    """List everything in both tenants at the same time."""
    wanted = [name for name, kind in kinds.items() if kind.wire is not None]

    async def look(target: Target) -> dict[str, list[Observed]]:
        async with open_tenant(
            project,
            target,
            kinds,
            environ=asking.environ,
            needed=wanted,
            write=False,
            on_request=lambda record: asking.debug(f"{target.name}: {record.line}"),
            tell=asking.debug,
            detail=asking.detail,
        ) as client:
            return await observe_kinds(client, kinds, wanted)

    async def both() -> list[dict[str, list[Observed]]]:
        return list(await side_by_side(sides, look))

    return run(both)


def _compared(
    kinds: Kinds,
    sides: Sequence[Target],
    before: LiveSide,
    after: LiveSide,
    only: Sequence[Selector],
    exclude: Sequence[Selector],
) -> Difference:
    everything = before.stated.keys() | after.stated.keys()
    chosen = _chosen(everything, only, exclude) if only or exclude else frozenset(everything)
    unclear = (before.twice | after.twice) & chosen
    usable = chosen - unclear
    items, unchanged = compare_sides(
        kinds,
        {key: item for key, item in before.stated.items() if key in usable},
        {key: item for key, item in after.stated.items() if key in usable},
        edges=(before.edges, after.edges),
        exact=False,
    )
    old, new = sides
    return Difference(
        Side(old.name, old.url),
        Side(new.name, new.url),
        "",
        # Neither tenant becomes the other by being compared: nothing is compatible or breaking about it.
        tuple(replace(item, effects=()) for item in items),
        unchanged=unchanged,
        left_out=tuple(sorted(unclear)),
        warnings=_warnings(before, after, frozenset(usable), frozenset(unclear)),
        narrowed=narrowing_words((), tuple(only), tuple(exclude)),
    )


def _chosen(keys: set[Key], only: Sequence[Selector], exclude: Sequence[Selector]) -> frozenset[Key]:
    found = select([Desired(key, {}) for key in keys], only, exclude)
    if not found:
        raise UsageError(
            "the selectors match nothing that is live", fix="select by Kind/name, where name is the live name"
        )
    return found


def _warnings(before: LiveSide, after: LiveSide, usable: frozenset[Key], unclear: frozenset[Key]) -> tuple[str, ...]:
    found = []
    secrets = sum(1 for key, _ in before.secrets & after.secrets if key in usable)
    if secrets:
        what = "1 secret is" if secrets == 1 else f"{secrets} secrets are"
        found.append(f"{what} set on both sides; no API says whether to the same value")
    if unclear:
        found.append("several resources of a kind bear the same name: nobody can say which is which")
    return tuple(found)
