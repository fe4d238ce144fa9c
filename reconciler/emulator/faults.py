"""Faults that a test asks for: which request they hit, and what then happens to it (contract: emulator's controls)."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from random import Random
from typing import Any

from reconciler.emulator.errors import Problem, invalid
from reconciler.emulator.fields import Choice, Doc, Flag, Integer, Json, ListOf, MapOf, Member, Record, Text, optional


@dataclass(frozen=True, slots=True)
class _Seconds:
    """A number within bounds; whole or not."""

    lowest: float
    highest: float

    def accept(self, value: Json, path: str, problems: list[Problem]) -> Json:
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.lowest <= value <= self.highest:
            problems.append(Problem(path, f"must be a number from {self.lowest} to {self.highest}"))
        return value

    def schema(self) -> Doc:
        return {"type": "number", "minimum": self.lowest, "maximum": self.highest}


@dataclass(frozen=True, slots=True)
class Effect:
    """What happens to a request: a delay in seconds first, then at most one of the others.

    ``fail_sync`` goes with any of them: the sync that the request starts will fail with this message.
    """

    delay_seconds: float = 0.0
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    drop: str | None = None
    truncate: bool = False
    malformed: bool = False
    fail_sync: str | None = None


@dataclass(slots=True)
class Rule:
    """One rule; ``remaining`` counts down where it has a number of times, ``hits`` counts up."""

    source: Doc
    method: str
    path: str
    rate: float
    remaining: int | None
    effect: Effect
    hits: int = 0

    def as_json(self) -> Doc:
        """Give the rule as it was posted, with its counts."""
        return self.source | {"remaining": self.remaining, "hits": self.hits}


_EFFECT = Record(
    {
        "status": Member(Integer(400, 599)),
        "headers": Member(MapOf(Text(1, 128, r"[A-Za-z0-9-]+"), Text(0, 1024, r"[ -~]*")), default=dict),
        "delaySeconds": optional(_Seconds(0, 600), 0.0),
        "drop": Member(Choice(("before", "after"))),
        "truncate": optional(Flag(), default=False),
        "malformed": optional(Flag(), default=False),
        "failSync": Member(Text(1, 1024)),
    }
)
_RULE = Record(
    {
        "match": Member(
            Record({"method": optional(Text(1, 16), "*"), "path": optional(Text(1, 1024), "*")}),
            default=lambda: {"method": "*", "path": "*"},
        ),
        "times": Member(Integer(1, 1_000_000_000)),
        "rate": optional(_Seconds(0, 1), 1.0),
        "effect": Member(_EFFECT, required=True),
    }
)
RULES = Record({"rules": Member(ListOf(_RULE), required=True), "seed": Member(Integer(0, 2**53))})
"""The body of ``POST /_emulator/faults``; ``seed`` sets the dice for ``rate`` anew."""


def _parse(source: Doc, accepted: dict[str, Any], path: str) -> Rule:
    effect = accepted["effect"]
    outcomes = [effect.get("status"), effect.get("drop"), effect["truncate"] or None, effect["malformed"] or None]
    if sum(outcome is not None for outcome in outcomes) > 1:
        raise invalid([Problem(f"{path}.effect", "may have one of status, drop, truncate, malformed")])
    return Rule(
        source,
        accepted["match"]["method"].upper(),
        accepted["match"]["path"],
        accepted["rate"],
        accepted.get("times"),
        Effect(
            effect["delaySeconds"],
            effect.get("status"),
            effect["headers"],
            effect.get("drop"),
            effect["truncate"],
            effect["malformed"],
            effect.get("failSync"),
        ),
    )


class Faults:
    """The rules in force. The first that matches a request, and has times left, and whose dice fall so, takes it."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._random = Random(0)  # noqa: S311

    def add(self, body: Doc) -> None:
        """Add rules behind those in force; raises the 400 for a body that is not right."""
        problems: list[Problem] = []
        accepted = RULES.accept(body, "", problems)
        if problems:
            raise invalid(problems)
        pairs = zip(body["rules"], accepted["rules"], strict=True)
        self._rules.extend([_parse(source, rule, f"rules[{i}]") for i, (source, rule) in enumerate(pairs)])
        if "seed" in accepted:
            self._random = Random(accepted["seed"])  # noqa: S311

    def clear(self) -> None:
        """Drop all rules and set the dice to their beginning."""
        self._rules.clear()
        self._random = Random(0)  # noqa: S311

    def as_json(self) -> Doc:
        """Give the rules with what is left of them."""
        return {"rules": [rule.as_json() for rule in self._rules]}

    def take(self, method: str, path: str) -> Effect | None:
        """Give what happens to a request, and count it."""
        for rule in self._rules:
            if rule.remaining == 0 or rule.method not in ("*", method) or not fnmatchcase(path, rule.path):
                continue
            if rule.rate < 1 and self._random.random() >= rule.rate:
                continue
            rule.hits += 1
            if rule.remaining is not None:
                rule.remaining -= 1
            return rule.effect
        return None
