"""The rules that files of guards and of acknowledgements are held to, with the text of ``reconciler explain CODE``."""

from __future__ import annotations

from typing import Final

from reconciler.core.diagnostic import Rule

GUARD_FILE: Final = Rule(
    "P003",
    "invalid file of guards",
    "Files that spec.guards.rules names hold documents of kind GuardRules: rules in CEL with a code, an expression, a message and "
    "cases. docs/guards.md shows one.",
)
EXPRESSION: Final = Rule(
    "P004",
    "invalid expression",
    "A guard's expression is not valid CEL, or it names a variable, a field or a function that there is not. docs/guards.md "
    "lists them.",
)
GUARD_CODE: Final = Rule(
    "P005",
    "duplicate guard",
    "The code of a written guard is what --allow and acknowledgements name, so that it can stand for one rule only.",
)
ACKNOWLEDGEMENT_FILE: Final = Rule(
    "P006",
    "invalid file of acknowledgements",
    "Files that spec.guards.acknowledgements names hold documents of kind Acknowledgements: each entry names a guard's code, one "
    "change, a reason, who accepts it, and until when.",
)

RULES: Final = (GUARD_FILE, EXPRESSION, GUARD_CODE, ACKNOWLEDGEMENT_FILE)
