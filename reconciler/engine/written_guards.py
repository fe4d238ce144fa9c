"""Evaluating the guards that a project wrote: each rule compiled once, and asked about every change or about the plan.

Whatever cannot be decided refuses: an expression that fails, or that gives something else than true or false, is a problem of its
own (G022), which nothing acknowledges but a corrected rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import orjson

from reconciler.core.acknowledge import Finding
from reconciler.core.guard_rule import GuardRule
from reconciler.core.guard_view import CHANGE_FIELDS, PLAN_FIELDS, change_view, local_view, plan_view
from reconciler.core.kind import Kinds
from reconciler.core.plan import Change, Header, Plan, Problem
from reconciler.core.resource import Key
from reconciler.loading.cel import Context, Expression, ExpressionError, compile_expression, message_parts

LONGEST_MESSAGE: Final = 500
"""Characters of a message with its values in place."""

UNDECIDED: Final = "G022"
"""The code of what cannot be decided."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """A rule ready to be asked, any number of times; ``message`` is its texts and expressions in order."""

    rule: GuardRule
    when: Expression | None
    require: Expression
    message: tuple[str | Expression, ...]

    @classmethod
    def of(cls, rule: GuardRule) -> Compiled:
        """Compile a rule that validation accepted; raises `ExpressionError`."""
        return cls(
            rule,
            compile_expression(rule.when, rule.scope) if rule.when else None,
            compile_expression(rule.require, rule.scope),
            tuple(
                compile_expression(text, rule.scope) if expression else text
                for expression, text, _ in message_parts(rule.message)
            ),
        )

    def fields(self, variable: str, known: Iterable[str]) -> frozenset[str]:
        """The fields of a variable that its expressions read, of all that there are."""
        parts = (self.when, self.require, *self.message)
        found: set[str] = set()
        for part in parts:
            if isinstance(part, Expression) and variable in part.uses:
                found.update(known if part.uses[variable] is None else part.uses[variable] or ())
        return frozenset(found)

    @property
    def timed(self) -> bool:
        """Whether its verdict may depend on when it is asked."""
        parts = (self.when, self.require)
        return any(part is not None and not part.uses.keys().isdisjoint(("now", "local")) for part in parts)

    def ask(self, context: Context, key: Key | None) -> Finding | None:
        """What it has to say of what the context holds; None where it accepts it or does not apply."""
        try:
            if self.when is not None and not _truth(self.when, context, "when"):
                return None
            if _truth(self.require, context, "require"):
                return None
        except ExpressionError as error:
            return Finding(undecided(self.rule, key, error))
        code = self.rule.code
        message, acknowledge = self._words(context), f"{code}:{key}" if key is not None else code
        fix = self.rule.fix or f"change what it is about, or, if it is meant, --allow {acknowledge}"
        return Finding(Problem(code, message, fix, key, acknowledge), self.rule.severity == "error")

    def _words(self, context: Context) -> str:
        parts = []
        for part in self.message:
            try:
                parts.append(part if isinstance(part, str) else shown(part.evaluate(context)))
            except ExpressionError:
                # The refusal stands, whatever its words.
                parts.append("?")
        text = "".join(parts)
        return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 1]}…"


def compile_rules(rules: Sequence[GuardRule]) -> tuple[list[Compiled], list[Finding]]:
    """All rules compiled; those that cannot be, as findings that refuse."""
    compiled, findings = [], []
    for rule in rules:
        try:
            compiled.append(Compiled.of(rule))
        except ExpressionError as error:
            findings.append(Finding(undecided(rule, None, error)))
    return compiled, findings


def evaluate(
    rules: Sequence[GuardRule], plan: Plan, kinds: Kinds, moment: datetime, *, timed: bool = False
) -> list[Finding]:
    """Ask all rules for the plan's target, or only those whose verdict may depend on the time; in order of code and key."""
    compiled, findings = compile_rules([rule for rule in rules if rule.is_for(plan.header.target)])
    findings += ask([item for item in compiled if item.timed or not timed], plan, kinds, moment)
    return sorted(findings, key=lambda item: (item.problem.code, str(item.problem.key or ""), item.problem.message))


def ask(compiled: Sequence[Compiled], plan: Plan, kinds: Kinds, moment: datetime) -> Iterator[Finding]:
    """Ask compiled rules, whatever their targets, about every change that concerns them and about the plan."""
    contexts = Contexts(plan.header, moment)
    yield from _ask_of_changes(compiled, plan, kinds, contexts)
    for item in compiled:
        rule = item.rule
        if rule.scope == "plan":
            context = contexts.of(rule.timezone)
            try:
                context.put("plan", plan_view(plan, kinds, item.fields("plan", PLAN_FIELDS)))
            except (ExpressionError, ValueError) as error:
                yield Finding(undecided(rule, None, error))
                continue
            if (found := item.ask(context, None)) is not None:
                yield found


def _ask_of_changes(compiled: Sequence[Compiled], plan: Plan, kinds: Kinds, contexts: Contexts) -> Iterator[Finding]:
    # By kind: what has to be asked, by time zone, and the fields that have to be made ready for it.
    asked: dict[str, dict[str, tuple[list[Compiled], frozenset[str]]]] = {}
    for change in plan.changes:
        if change.action == "none":
            continue
        kind = change.key.kind
        if kind not in asked:
            asked[kind] = _by_zone([item for item in compiled if item.rule.concerns(kind)])
        for zone, (group, wanted) in asked[kind].items():
            yield from _ask_of_one(group, change, change_context(change, kinds, wanted, contexts.of(zone)))


def _by_zone(concerned: Sequence[Compiled]) -> dict[str, tuple[list[Compiled], frozenset[str]]]:
    groups: dict[str, list[Compiled]] = {}
    for item in concerned:
        groups.setdefault(item.rule.timezone, []).append(item)
    return {
        zone: (group, frozenset().union(*(item.fields("change", CHANGE_FIELDS) for item in group)))
        for zone, group in groups.items()
    }


def change_context(
    change: Change, kinds: Kinds, wanted: frozenset[str], context: Context
) -> Context | ExpressionError | ValueError:
    """The context with this change in it, or why it cannot be looked at."""
    try:
        context.put("change", change_view(change, kinds, wanted))
    except (ExpressionError, ValueError) as error:
        return error
    return context


def _ask_of_one(
    group: Sequence[Compiled], change: Change, context: Context | ExpressionError | ValueError
) -> Iterator[Finding]:
    for item in group:
        if not isinstance(context, Context):
            yield Finding(undecided(item.rule, change.key, context))
        elif (found := item.ask(context, change.key)) is not None:
            yield found


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
            local = local_view(self._moment.astimezone(ZoneInfo(zone)))
            self._ready[zone] = Context({**self._common, "local": local})
        return self._ready[zone]


def undecided(rule: GuardRule, key: Key | None, error: ExpressionError | ValueError) -> Problem:
    """The problem that a rule is where it cannot be evaluated."""
    about = f" for {key}" if key is not None else ""
    where = f" ({mark})" if (mark := rule.marks.get("require")) else ""
    fix = (
        error.fix if isinstance(error, ExpressionError) else ""
    ) or "correct the rule; `reconciler test --guards` tries it"
    return Problem(UNDECIDED, f"{rule.code} cannot be evaluated{about}{where}: {error}", fix, key)


def _truth(expression: Expression, context: Context, name: str) -> bool:
    value = expression.evaluate(context)
    if not isinstance(value, bool):
        raise ExpressionError(f"`{name}` gives {_type(value)} and not true or false")
    return value


def _type(value: Any) -> str:
    names: Mapping[type, str] = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a map"}
    return "null" if value is None else names.get(type(value), "a value")


def shown(value: Any) -> str:
    """A value as a message shows it."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict) and value.get("secret") is True:
        return "(secret)"
    if isinstance(value, dict) and "unknown" in value:
        return "(known after apply)"
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        return str(value)
