"""What the builder finds wrong, in words, before it has lines and columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from ruamel.yaml.events import ScalarEvent

from reconciler.core.diagnostic import Rule
from reconciler.loading import yaml_rules as rules

MAX_DEPTH: Final = 100
"""How deep maps and lists may be nested, aliases followed."""

MAX_EXPANDED: Final = 50_000
"""How many values the aliases of one file may add."""

MAX_FINDINGS: Final = 100
"""How many findings one file may have; those beyond show when the first are corrected."""

_KINDS: Final = (
    (dict, "a map"),
    (list, "a list"),
    (type(None), "null"),
    (bool, "a boolean"),
    ((int, float), "a number"),
)


@dataclass(frozen=True, slots=True)
class Problem:
    """A finding before it has lines and columns: ``position`` counts characters.

    ``owner`` is the position of the value or key whose path names it, ``related`` further places.
    """

    rule: Rule
    message: str
    position: int
    fix: str
    owner: int = -1
    related: tuple[tuple[str, int], ...] = ()


class Hopeless(Exception):
    """A document that cannot be read on: nested too deep, or expanding to too much (then ``whole_file``)."""

    def __init__(self, problem: Problem, *, whole_file: bool = False) -> None:
        super().__init__(problem.message)
        self.problem = problem
        self.whole_file = whole_file


def shown(key: str) -> str:
    """A key as messages quote it: bounded, on one line."""
    return repr(key) if len(key) <= 60 else repr(key[:60] + "…")


def too_deep(where: int) -> Problem:
    """The problem of a document nested beyond `MAX_DEPTH`."""
    message = f"maps and lists are nested more than {MAX_DEPTH} deep"
    return Problem(rules.TOO_LARGE, message, where, "flatten the document; a bracket may be missing its partner")


def too_much(where: int) -> Problem:
    """The problem of a file whose aliases expand beyond `MAX_EXPANDED`."""
    message = f"the aliases and merge keys of this file expand to more than {MAX_EXPANDED:,} values"
    return Problem(rules.TOO_LARGE, message, where, "write the values out, or split the file")


def no_anchor(name: str, where: int, *, recursive: bool) -> Problem:
    """The problem of an alias whose anchor is missing, or not yet complete (``recursive``)."""
    if recursive:
        message, fix = (
            f"the alias *{name} stands inside the value that it repeats",
            "move the anchor to the part that is meant",
        )
        return Problem(rules.RECURSIVE_ALIAS, message, where, fix, owner=where)
    message = f"the alias *{name} has no anchor &{name} before it in this document"
    return Problem(
        rules.UNDEFINED_ALIAS, message, where, f'mark a value with &{name}, or quote a text: "*{name}"', owner=where
    )


def no_string(key: Any, event: Any, where: int) -> Problem:
    """The problem of a key that is a number, a boolean, null, a list or a map."""
    kind = next(words for cls, words in _KINDS if isinstance(key, cls))
    if event.__class__ is ScalarEvent:
        message, fix = f"the key {event.value or '(empty)'} is {kind}; keys are strings", f'quote it: "{event.value}"'
    else:
        message, fix = f"this key is {kind}; keys are strings", "write the key as text"
    return Problem(rules.KEY_TYPE, message, where, fix)
