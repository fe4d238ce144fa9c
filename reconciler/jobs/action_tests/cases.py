"""Which tests there are to run: those that the manifests of one target declare, narrowed by key and by name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from reconciler.core.resource import Desired, Key
from reconciler.core.seal import secrets_in
from reconciler.core.selection import Selector
from reconciler.core.values import Secret, unknowns
from reconciler.errors import UsageError
from reconciler.jobs.action_tests.matching import Match
from reconciler.loading.suggest import did_you_mean

KIND = "DataAction"


@dataclass(frozen=True, slots=True)
class Case:
    """One declared test. ``inputs`` may hold typed secrets; ``place`` is ``file:line`` of the test in its manifest."""

    action: Key
    name: str
    inputs: dict[str, Any] = field(repr=False)
    expect: dict[str, Any] = field(repr=False)
    match: Match
    place: str

    @property
    def impossible(self) -> str:
        """Why the test cannot be run at all; empty where it can."""
        if unknowns(self.inputs) or unknowns(self.expect):
            return "its inputs or expectations refer to a live field (${ref:…}), which a test cannot know"
        missing = [secret.reference for secret in secrets_in([self.inputs, self.expect]) if not secret.resolved]
        return f"the secret {missing[0]} is out of reach here" if missing else ""


@dataclass(frozen=True, slots=True)
class Suite:
    """One action and those of its tests that are to run."""

    action: Desired
    cases: tuple[Case, ...]


def select_suites(desired: Iterable[Desired], keys: Sequence[str], name: str = "") -> list[Suite]:
    """The tests to run, by action; ``keys`` are ``DataAction/name`` or ``name``, with globs; ``name`` is part of a test's name.

    A ``name`` with ``*`` or ``?`` is a glob over the whole name. Raises `UsageError` for a key or name that nothing matches.
    """
    actions = [item for item in desired if item.key.kind == KIND]
    selectors = [Selector.parse(key if "/" in key else f"{KIND}/{key}") for key in keys]
    for selector in selectors:
        if not any(selector.matches(item) for item in actions):
            fix = did_you_mean(selector.text, (str(item.key) for item in actions))
            raise UsageError(f"no data action of this target matches {selector.text}", fix=fix)
    chosen = [item for item in actions if not selectors or any(selector.matches(item) for selector in selectors)]
    suites = [Suite(item, tuple(case for case in cases_of(item) if not name or _named(case, name))) for item in chosen]
    found = [suite for suite in suites if suite.cases]
    if name and not found:
        raise UsageError(f"no test's name matches {name}")
    return found


def cases_of(action: Desired) -> list[Case]:
    """All tests that an action declares, in their order."""
    found = []
    for index, test in enumerate(action.kept.get("tests") or ()):
        mark = action.locate(("tests", index))
        place = f"{mark.file}:{mark.line}" if mark is not None else action.file
        found.append(
            Case(action.key, test["name"], test["inputs"], test["expect"], test.get("match") or "subset", place)
        )
    return found


def _named(case: Case, name: str) -> bool:
    wanted, shown = name.casefold(), case.name.casefold()
    return fnmatchcase(shown, wanted) if set(name) & set("*?[") else wanted in shown


def revealed(value: Any) -> Any:
    """A tree with its secrets' values in place, for the wire alone."""
    if isinstance(value, Secret):
        return value.reveal()
    if isinstance(value, dict):
        return {name: revealed(item) for name, item in value.items()}
    return [revealed(item) for item in value] if isinstance(value, list) else value
