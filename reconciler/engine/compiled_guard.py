"""A written guard ready to be asked: its expressions compiled once, its verdict and its words.

Whatever cannot be decided refuses: an expression that fails, or that gives something else than true or false, is a problem of its
own (G022), which nothing acknowledges but a corrected rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from reconciler.core.acknowledge import Finding
from reconciler.core.guard_rule import GuardRule
from reconciler.core.plan import Problem
from reconciler.core.resource import Key
from reconciler.loading.cel import Context, Expression, ExpressionError, compile_expression, message_parts

LONGEST_MESSAGE: Final = 500
"""Characters of a message with its values in place."""

UNDECIDED: Final = "G022"
"""The code of what cannot be decided."""

Show = Callable[[Sequence[Expression]], Context]
"""Makes ready what some expressions read of the matter at hand; raises `ExpressionError` or `ValueError`."""


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

    @property
    def timed(self) -> bool:
        """Whether its verdict may depend on when it is asked."""
        parts = (self.when, self.require)
        return any(part is not None and not part.reads.keys().isdisjoint(("now", "local")) for part in parts)

    def refusal(self, key: Key | None, show: Show) -> Finding:
        """What it says of what it does not accept."""
        code = self.rule.code
        acknowledge = f"{code}:{key}" if key is not None else code
        fix = self.rule.fix or f"change what it is about, or, if it is meant, --allow {acknowledge}"
        return Finding(Problem(code, self._words(show), fix, key, acknowledge), self.rule.severity == "error")

    def _words(self, show: Show) -> str:
        text = "".join(part if isinstance(part, str) else _value(part, show) for part in self.message)
        return text if len(text) <= LONGEST_MESSAGE else f"{text[: LONGEST_MESSAGE - 1]}…"


def ask(rules: Sequence[Compiled], key: Key | None, show: Show) -> Iterator[Finding]:
    """Ask rules about one matter: a change, or the plan (no key).

    Conditions come first and words last, so that nothing is made ready for rules that do not apply, or that accept.
    """
    applying = [item for item in rules if item.when is None]
    refusing = []
    for item, answer in _answers([item for item in rules if item.when is not None], "when", show):
        if isinstance(answer, ExpressionError):
            yield Finding(undecided(item.rule, key, answer))
        elif answer:
            applying.append(item)
    for item, answer in _answers(applying, "require", show):
        if isinstance(answer, ExpressionError):
            yield Finding(undecided(item.rule, key, answer))
        elif not answer:
            refusing.append(item)
    for item in refusing:
        yield item.refusal(key, show)


def _answers(rules: Sequence[Compiled], name: str, show: Show) -> Iterator[tuple[Compiled, bool | ExpressionError]]:
    """What one expression of each rule says, or why it says nothing."""
    if not rules:
        return
    try:
        context = show([getattr(item, name) for item in rules])
    except (ExpressionError, ValueError) as error:
        for item in rules:
            yield item, ExpressionError(str(error))
        return
    for item in rules:
        try:
            yield item, _truth(getattr(item, name), context, name)
        except ExpressionError as error:
            yield item, error


def _truth(expression: Expression, context: Context, name: str) -> bool:
    value = expression.evaluate(context)
    if not isinstance(value, bool):
        raise ExpressionError(f"`{name}` gives {_type(value)} and not true or false")
    return value


def _type(value: Any) -> str:
    names: Mapping[type, str] = {str: "text", int: "a number", float: "a number", list: "a list", dict: "a map"}
    return "null" if value is None else names.get(type(value), "a value")


def undecided(rule: GuardRule, key: Key | None, error: ExpressionError) -> Problem:
    """The problem that a rule is where it cannot be evaluated."""
    about = f" for {key}" if key is not None else ""
    where = f" ({mark})" if (mark := rule.marks.get("require")) else ""
    fix = error.fix or "correct the rule; `reconciler test --guards` tries it"
    return Problem(UNDECIDED, f"{rule.code} cannot be evaluated{about}{where}: {error}", fix, key)


def _value(expression: Expression, show: Show) -> str:
    """A value in a message. One that cannot be had leaves a mark: the refusal stands, whatever its words."""
    try:
        return shown(expression.evaluate(show([expression])))
    except (ExpressionError, ValueError):
        return "?"


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
