"""Asking the guards that a project wrote about every change of a plan, and about the plan.

Each rule is compiled once, and of a change only what is read is made ready: with a handful of rules, 10,000 changes take about
half a second.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from reconciler.core.acknowledge import Finding
from reconciler.core.guard_rule import GuardRule
from reconciler.core.guard_view import change_view, local_view, plan_view
from reconciler.core.kind import Kinds
from reconciler.core.plan import Change, Header, Plan
from reconciler.core.projection import WHOLE, Paths, both
from reconciler.engine.compiled_guard import Compiled, Show, ask, undecided
from reconciler.loading.cel import Context, Expression, ExpressionError
from reconciler.loading.moments import zone_of


def evaluate(
    rules: Sequence[GuardRule], plan: Plan, kinds: Kinds, moment: datetime, *, timed: bool = False
) -> list[Finding]:
    """Ask all rules for the plan's target, or only those whose verdict may depend on the time; in order of code and key."""
    compiled, findings = _compiled([rule for rule in rules if rule.is_for(plan.header.target)])
    asked = [item for item in compiled if item.timed or not timed]
    contexts = Contexts(plan.header, moment)
    findings += _of_changes(asked, plan, kinds, contexts)
    for item in asked:
        if item.rule.scope == "plan":
            findings += ask([item], None, _plan_shown(plan, kinds, contexts.of(item.rule.timezone)))
    return sorted(findings, key=lambda item: (item.problem.code, str(item.problem.key or ""), item.problem.message))


def _compiled(rules: Sequence[GuardRule]) -> tuple[list[Compiled], list[Finding]]:
    """All rules compiled; those that cannot be, as findings that refuse."""
    compiled, findings = [], []
    for rule in rules:
        try:
            compiled.append(Compiled.of(rule))
        except ExpressionError as error:
            findings.append(Finding(undecided(rule, None, error)))
    return compiled, findings


def _of_changes(compiled: Sequence[Compiled], plan: Plan, kinds: Kinds, contexts: Contexts) -> Iterator[Finding]:
    # By kind: the rules that concern it, by the time zone in which they tell the time.
    concerned: dict[str, list[tuple[list[Compiled], Shelf]]] = {}
    for change in plan.changes:
        if change.action == "none":
            continue
        kind = change.key.kind
        if kind not in concerned:
            concerned[kind] = _by_zone([item for item in compiled if item.rule.concerns(kind)], kinds, contexts)
        for group, shelf in concerned[kind]:
            shelf.take(change)
            yield from ask(group, change.key, shelf.show)


def _by_zone(compiled: Sequence[Compiled], kinds: Kinds, contexts: Contexts) -> list[tuple[list[Compiled], Shelf]]:
    groups: dict[str, list[Compiled]] = {}
    for item in compiled:
        groups.setdefault(item.rule.timezone, []).append(item)
    return [(group, Shelf(contexts.of(zone), kinds)) for zone, group in groups.items()]


class Shelf:
    """Puts one change after the other where expressions find it, less what they do not read."""

    def __init__(self, context: Context, kinds: Kinds) -> None:
        self._context = context
        self._kinds = kinds
        self._change: Change | None = None
        self._reads: dict[tuple[int, ...], Paths | None] = {}

    def take(self, change: Change) -> None:
        """Go on with another change."""
        self._change = change

    def show(self, parts: Sequence[Expression]) -> Context:
        """The context with what is read of the change (`Show`)."""
        which = tuple(map(id, parts))
        if which not in self._reads:
            self._reads[which] = united(part.reads["change"] for part in parts if "change" in part.reads)
        read = self._reads[which]
        if read is not None and self._change is not None:
            self._context.put("change", change_view(self._change, self._kinds, read))
        return self._context


def _plan_shown(plan: Plan, kinds: Kinds, context: Context) -> Show:
    def show(parts: Sequence[Expression]) -> Context:
        readers = [part for part in parts if "plan" in part.reads]
        if readers:
            # Who reads the whole plan reads its changes whole, too.
            items = united(part.items if part.reads["plan"] else WHOLE for part in readers if _reads_changes(part))
            read = united(part.reads["plan"] for part in readers)
            context.put("plan", plan_view(plan, kinds, read or WHOLE, items or WHOLE))
        return context

    return show


def _reads_changes(part: Expression) -> bool:
    return not part.reads["plan"] or "changes" in part.reads["plan"]


def united(parts: Iterable[Paths]) -> Paths | None:
    """What is read by any of several readers; None where there is none of them."""
    found: Paths | None = None
    for part in parts:
        found = part if found is None else both(found, part)
    return found


class Contexts:
    """The variables that do not depend on the change, made ready once for each time zone."""

    def __init__(self, header: Header, moment: datetime) -> None:
        self._common = {
            "target": {"name": header.target, "url": header.url},
            "stack": header.stack,
            "commit": header.commit,
            "now": moment,
        }
        self._moment = moment
        self._ready: dict[str, Context] = {}

    def of(self, zone: str) -> Context:
        """The context in which ``local`` tells the time of a zone."""
        if zone not in self._ready:
            local = local_view(self._moment.astimezone(zone_of(zone)))
            self._ready[zone] = Context({**self._common, "local": local})
        return self._ready[zone]
