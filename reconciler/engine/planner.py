"""Making a plan for one target: manifests, ledger and tenant brought together, guards checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from reconciler import __version__
from reconciler.core.kind import Kinds
from reconciler.core.plan import Header, Plan
from reconciler.core.planning import Options, make_plan
from reconciler.core.resource import Desired, Key, Ledger, Observed
from reconciler.core.selection import Selector, narrowing_words, select
from reconciler.core.since import Since
from reconciler.core.values import Secret
from reconciler.cxone.client import Client
from reconciler.cxone.settings import MAX_PAGE_SIZE
from reconciler.engine.clock import after_hours, now, stamp
from reconciler.engine.judging import allowed_deletes, judged, limits_of, refuse_idle
from reconciler.engine.memory.settled import SettledMemory
from reconciler.engine.observe import observe, observe_kinds
from reconciler.engine.workspace import Workspace
from reconciler.errors import UsageError

INTERRUPTED: Final = (
    "an earlier apply was interrupted and has not come to its end; `reconciler apply --resume` goes on with it"
)
"""What a plan says while the journal of an apply is open."""


@dataclass(frozen=True, slots=True)
class Request:
    """What the planning options of the command line ask for.

    ``prune`` None leaves it to the project; ``files`` are paths relative to the project; ``adopt`` maps keys to a live id, or to
    an empty text for adoption by name.
    """

    prune: bool | None = None
    only: tuple[Selector, ...] = ()
    exclude: tuple[Selector, ...] = ()
    files: tuple[str, ...] = ()
    allow: frozenset[str] = frozenset()
    adopt: Mapping[Key, str] = field(default_factory=dict)
    write_secrets: frozenset[Key] = frozenset()
    since: Since | None = None

    @property
    def narrowed(self) -> bool:
        """Whether the run is about a part of the project only."""
        return bool(self.only or self.exclude or self.files or self.since)

    @property
    def plain(self) -> bool:
        """Whether the run is about the whole project as it is declared, so that what is settled has no part in it."""
        return not (self.narrowed or self.adopt or self.write_secrets)

    @property
    def words(self) -> tuple[str, ...]:
        """What the run is narrowed to, as it was asked for."""
        return (*narrowing_words(self.files, self.only, self.exclude), *((self.since.words,) if self.since else ()))

    def select(self, desired: Iterable[Desired]) -> frozenset[Key] | None:
        """The keys of a narrowed run, None where it is about everything; raises `UsageError` where selectors match nothing."""
        if not self.narrowed:
            return None
        selected = select(desired, self.only, self.exclude, self.files)
        if not selected:
            raise UsageError("the paths and selectors match no manifest", fix="`reconciler graph` lists all keys")
        return selected if self.since is None else selected & self.since.keys


async def plan_tenant(
    workspace: Workspace,
    client: Client,
    ledger: Ledger,
    request: Request,
    *,
    fingerprint: Callable[[Secret], str],
    outcome_unknown: bool = False,
    commit: str = "",
    settled: SettledMemory | None = None,
) -> Plan:
    """Observe the tenant and make the plan, problems of guards included.

    Where ``settled`` knows that nothing is to be done, neither manifests nor ledger are looked at.
    """
    refuse_idle(workspace, request.allow)
    memory = settled if request.plain else None
    known = memory.recalled if memory is not None else None
    live = await observe_kinds(client, workspace.kinds, known.kinds) if known is not None else None
    if memory is not None and known is not None and live is not None and memory.stands(live, fingerprint):
        moment, protected = now(), frozenset[Key]()
        plan = known.plan(_header(workspace, commit, moment))
    else:
        observed = await observe(client, workspace.kinds, workspace.bound.desired, ledger, listed=live)
        moment, protected = now(), frozenset(key for key, entry in ledger.entries.items() if entry.protect)
        plan = compose(workspace, observed, ledger, request, fingerprint=fingerprint, commit=commit, moment=moment)
        if memory is not None:
            memory.keep(plan, observed, fingerprint)
    if outcome_unknown:
        plan = replace(plan, warnings=(INTERRUPTED, *plan.warnings))
    limits = limits_of(workspace, protected, request.allow, outcome_unknown=outcome_unknown)
    return judged(plan, workspace, limits, moment)


def compose(
    workspace: Workspace,
    observed: Mapping[str, list[Observed]],
    ledger: Ledger,
    request: Request,
    *,
    fingerprint: Callable[[Secret], str],
    commit: str = "",
    moment: datetime | None = None,
) -> Plan:
    """Make the plan from what was observed, at a moment (by default now); no guard is asked."""
    desired = workspace.bound.desired
    _known_keys(request, {item.key for item in desired})
    moment = moment or now()
    selected = request.select(desired)
    plan = make_plan(
        desired,
        observed,
        ledger,
        workspace.kinds,
        header=_header(workspace, commit, moment),
        options=_options(workspace, request, selected, moment),
        fingerprint=fingerprint,
    )
    told = request.since.told if request.since is not None else ()
    return replace(plan, narrowed=request.words, warnings=(*told, *plan.warnings))


def _header(workspace: Workspace, commit: str, moment: datetime) -> Header:
    target = workspace.target
    return Header(
        target.name,
        target.url,
        workspace.project.stack,
        stamp(moment),
        after_hours(moment, target.apply.plan_expires_hours),
        commit,
        workspace.bound.digest,
        __version__,
    )


def _options(workspace: Workspace, request: Request, selected: frozenset[Key] | None, moment: datetime) -> Options:
    target = workspace.target
    return Options(
        prune=workspace.project.prune if request.prune is None else request.prune,
        partial=request.narrowed,
        selected=selected,
        adopt=dict(request.adopt),
        write_secrets=request.write_secrets,
        allowed=allowed_deletes(workspace, request.allow, moment),
        style=target.api.concurrency,
        rate=target.limits.requests_per_second or 0.0,
        page_size=MAX_PAGE_SIZE,
        readers=_readers(workspace.bound.edges, workspace.kinds),
    )


def _known_keys(request: Request, keys: set[Key]) -> None:
    for option, named in (("--adopt", request.adopt), ("--write-secret", request.write_secrets)):
        for key in sorted(named):
            if key not in keys:
                from difflib import get_close_matches

                close = get_close_matches(str(key), [str(item) for item in keys], n=1)
                raise UsageError(
                    f"{option} names {key}, which no manifest declares",
                    fix=f"did you mean {close[0]}?" if close else "`reconciler graph` lists all keys",
                )


def _readers(edges: Mapping[Key, tuple[Key, ...]], kinds: Kinds) -> dict[Key, tuple[Key, ...]]:
    """By resource: the mappings and jobs that read it, directly or through a mapping."""
    readers: dict[Key, set[Key]] = {}
    for key, others in edges.items():
        if key.kind in kinds and kinds[key.kind].kind_class != "resource":
            for other in others:
                readers.setdefault(other, set()).add(key)
    return {
        key: tuple(sorted(found.union(*(readers.get(other, set()) for other in found))))
        for key, found in readers.items()
    }
