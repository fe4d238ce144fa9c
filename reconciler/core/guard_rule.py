"""Guards that a project writes itself: what such a rule is, apart from how its expressions are evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from reconciler.core.diagnostic import Mark, Severity

Scope = Literal["change", "plan"]
Verdict = Literal["pass", "warn", "refuse"]

CODE = r"^P-[a-z0-9]([-a-z0-9]{0,60}[a-z0-9])?$"
"""The form of a written rule's code: unlike any built-in one, and fit for ``--allow CODE:Kind/name``."""


@dataclass(frozen=True, slots=True)
class GuardCase:
    """One case beside a rule: what the rule sees, and what it must say of it.

    ``sees`` holds what the case gives of ``change`` or ``plan`` (the rest takes neutral values), and ``target``, ``stack`` and
    ``commit`` where they are given. ``now`` is the moment that the rule believes it to be, None where it does not matter.
    ``says`` is a text that the message must contain.
    """

    name: str
    expect: Verdict
    sees: Mapping[str, Any] = field(default_factory=dict)
    now: datetime | None = None
    says: str = ""
    mark: Mark | None = None


@dataclass(frozen=True, slots=True)
class GuardRule:
    """One rule of a project, as it was written.

    ``require`` is the expression that must be true of every change (or of the plan, by ``scope``) of which ``when`` is true;
    ``kinds`` and ``targets`` narrow it further, and mean all where they are empty. ``message`` may hold expressions in braces.
    ``timezone`` is the IANA name in which the variable ``local`` tells the time. ``marks`` gives the places of its parts.
    """

    code: str
    require: str
    message: str
    scope: Scope = "change"
    severity: Severity = "error"
    when: str = ""
    title: str = ""
    explanation: str = ""
    fix: str = ""
    kinds: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    timezone: str = "UTC"
    cases: tuple[GuardCase, ...] = ()
    marks: Mapping[str, Mark] = field(default_factory=dict)

    @property
    def refusal(self) -> Verdict:
        """What it says of what it does not accept."""
        return "refuse" if self.severity == "error" else "warn"

    def is_for(self, target: str) -> bool:
        """Whether it has a say on a target."""
        return not self.targets or target in self.targets

    def concerns(self, kind: str) -> bool:
        """Whether it has a say about changes of a kind."""
        return self.scope == "change" and (not self.kinds or kind in self.kinds)
