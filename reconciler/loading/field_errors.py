"""Turns pydantic's errors about a spec into findings in our own words, at the right place of the document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from reconciler.core.diagnostic import PathParts, Rule
from reconciler.core.values import Secret, Template, Unknown
from reconciler.loading import rules
from reconciler.loading.findings import Findings
from reconciler.loading.leaves import BROKEN, shielded
from reconciler.loading.located import Located
from reconciler.loading.model_paths import example_at, fields_at
from reconciler.loading.suggest import did_you_mean

EXPECTED: Mapping[str, str] = {
    "string_type": "text",
    "string_sub_type": "text",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "list_type": "a list",
    "tuple_type": "a list",
    "set_type": "a list",
    "frozen_set_type": "a list",
    "dict_type": "a map",
    "mapping_type": "a map",
    "model_type": "a map",
    "model_attributes_type": "a map",
    "none_required": "null",
    "url_type": "a URL",
}
"""Pydantic's errors about a value's type, and what was expected."""

_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'")
_LONGEST = 60


class FieldErrors:
    """Reports pydantic's errors about the value at ``prefix`` of one document.

    ``value`` is what was validated, with typed leaves (`Secret`, `Unknown`, `Template`) in place; ``secret`` are paths
    below ``prefix`` whose values must not be printed. ``references`` are paths whose form and existence somebody
    else judges, ``settled`` those that have been reported already. ``rule`` stands for all errors alike where there is one
    rule for the whole model, as for metadata.
    """

    def __init__(
        self,
        findings: Findings,
        source: Located,
        model: type[Any],
        value: Any,
        prefix: PathParts = ("spec",),
        secret: Sequence[PathParts] = (),
        references: Sequence[PathParts] = (),
        settled: Sequence[PathParts] = (),
        rule: Rule | None = None,
    ) -> None:
        self.findings = findings
        self.source = source
        self.model = model
        self.value = value
        self.prefix = prefix
        self.secret = tuple(secret)
        self.references = frozenset(references)
        self.settled = tuple(settled)
        self.rule = rule

    def report(self, errors: Iterable[ErrorDetails]) -> bool:
        """Report them all; returns whether any of them counts, reported here or elsewhere (one about a value not known yet does not)."""
        reported = False
        for path, error in _choose_branches(self.value, errors):
            leaf = _at(self.value, path)
            if shielded(leaf, type_error=error["type"] in EXPECTED):
                reported = reported or leaf is BROKEN
                continue
            reported = True
            if any(path[: len(item)] == item for item in self.settled):
                continue
            if path in self.references and error["type"] == "string_pattern_mismatch":
                continue
            self._report_one(path, error, leaf)
        return reported

    def _report_one(self, path: PathParts, error: ErrorDetails, leaf: Any) -> None:
        kind = error["type"]
        name = path[-1] if path else ""
        if kind == "missing":
            where = path[:-1] if self._holds(path[:-1]) else ()
            self._add(rules.MISSING, f"required field `{name}` is missing", where, shown=path)
        elif kind in ("extra_forbidden", "unexpected_keyword_argument"):
            fix = did_you_mean(name, fields_at(self.model, path[:-1]), what="known fields")
            self._add(rules.UNKNOWN_FIELD, f"unknown field `{name}`", path, fix=fix, key=True)
        elif kind in ("literal_error", "enum", "union_tag_invalid"):
            self._not_allowed(path, error, leaf)
        elif kind in EXPECTED:
            message = f"expected {EXPECTED[kind]}, found {self._found(path, leaf)}"
            self._add(rules.WRONG_TYPE, message, path, fix=_type_fix(kind, leaf, hidden=self._hidden(path)))
        else:
            rule, message = _words(error)
            example = example_at(self.model, path) if rule is rules.MALFORMED else ""
            if example:
                message = f"{self._found(path, leaf)} does not have the form that is needed here"
            self._add(rule, message, path, fix=f"for example {example}" if example else "")

    def _not_allowed(self, path: PathParts, error: ErrorDetails, leaf: Any) -> None:
        context = error.get("ctx", {})
        allowed = _QUOTED.findall(str(context.get("expected", context.get("expected_tags", ""))))
        if error["type"] == "union_tag_invalid":
            tag = str(context.get("discriminator", "")).strip("'")
            path, leaf = (*path, tag), leaf.get(tag) if isinstance(leaf, dict) else leaf
        if not isinstance(leaf, str) and allowed:
            message = f"expected one of {', '.join(allowed)}, found {self._found(path, leaf)}"
            self._add(rules.WRONG_TYPE, message, path)
            return
        fix = did_you_mean(leaf, allowed) if not self._hidden(path) else ""
        message = f"{self._found(path, leaf)} is not allowed here: {', '.join(allowed) or context.get('expected', '')}"
        self._add(rules.NOT_ALLOWED, message, path, fix=fix)

    def _add(
        self,
        rule: Rule,
        message: str,
        path: PathParts,
        *,
        fix: str = "",
        key: bool = False,
        shown: PathParts | None = None,
    ) -> None:
        shown = self.prefix + (path if shown is None else shown)
        self.findings.add(self.rule or rule, message, self.source, self.prefix + path, key=key, fix=fix, shown=shown)

    def _holds(self, path: PathParts) -> bool:
        return _at(self.value, path) is not None

    def _hidden(self, path: PathParts) -> bool:
        return any(path[: len(item)] == item or item[: len(path)] == path for item in self.secret)

    def _found(self, path: PathParts, leaf: Any) -> str:
        return describe(leaf, hidden=self._hidden(path))


def describe(value: Any, *, hidden: bool = False) -> str:
    """Name a value as a person would; with ``hidden`` only its type."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        return "a secret"
    if isinstance(value, (Unknown, Template)):
        return "a reference"
    if isinstance(value, (list, dict)):
        return "a list" if isinstance(value, list) else "a map"
    if hidden:
        return "text" if isinstance(value, str) else "a number"
    text = str(value)[:_LONGEST] + ("…" if len(str(value)) > _LONGEST else "")
    return f'"{text}"' if isinstance(value, str) else f"the number {text}"


def _type_fix(kind: str, leaf: Any, *, hidden: bool) -> str:
    if hidden:
        return ""
    if kind == "string_type" and isinstance(leaf, (bool, int, float)):
        return f'write it in quotes: "{str(leaf).lower() if isinstance(leaf, bool) else leaf}"'
    if isinstance(leaf, str) and kind.startswith(("int", "float")) and re.fullmatch(r"-?\d+(\.\d+)?", leaf):
        return "write it without quotes"
    if (
        isinstance(leaf, str)
        and kind.startswith("bool")
        and leaf.lower() in ("yes", "no", "on", "off", "true", "false")
    ):
        return f"write {'true' if leaf.lower() in ('yes', 'on', 'true') else 'false'}, without quotes"
    return ""


def _words(error: ErrorDetails) -> tuple[Rule, str]:
    """The rule and the sentence for an error about limits, form, or a validator's own judgement."""
    kind, context = error["type"], error.get("ctx", {})
    limits = {
        "greater_than": f"must be above {context.get('gt')}",
        "greater_than_equal": f"must be at least {context.get('ge')}",
        "less_than": f"must be below {context.get('lt')}",
        "less_than_equal": f"must be at most {context.get('le')}",
        "multiple_of": f"must be a multiple of {context.get('multiple_of')}",
        "finite_number": "must be a finite number",
        "string_too_short": f"must have at least {_count(context.get('min_length'), 'character')}",
        "string_too_long": f"must have at most {_count(context.get('max_length'), 'character')}",
        "too_short": f"must have at least {_count(context.get('min_length'), 'item')}",
        "too_long": f"must have at most {_count(context.get('max_length'), 'item')}",
    }
    if kind in limits:
        return rules.LIMIT, limits[kind]
    if kind == "string_pattern_mismatch":
        return rules.MALFORMED, f"must have the form {context.get('pattern')}"
    if kind.startswith("url_"):
        return rules.MALFORMED, "must be a URL"
    if kind in ("value_error", "assertion_error"):
        return rules.FIELD_RULE, str(context.get("error", "")) or "is not valid"
    if kind == "union_tag_not_found":
        return rules.MISSING, f"required field `{str(context.get('discriminator', '')).strip(chr(39))}` is missing"
    return rules.FIELD_RULE, error["msg"][:1].lower() + error["msg"][1:]


def _count(number: Any, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _at(value: Any, path: PathParts) -> Any:
    for part in path:
        if not _has(value, part):
            return None
        value = value[part]
    return value


def _has(value: Any, part: str | int) -> bool:
    """Whether a key or an index leads to something."""
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and 0 <= part < len(value)


def _choose_branches(value: Any, errors: Iterable[ErrorDetails]) -> list[tuple[PathParts, ErrorDetails]]:
    """Errors with their path inside the value; of a union's branches only those of the one that fits best.

    Pydantic puts names of union branches between the keys of a path and reports every branch; a person meant one of them:
    the one whose outer type is right, and of those the one with the fewest complaints.
    """
    plain: list[tuple[PathParts, ErrorDetails]] = []
    unions: dict[PathParts, dict[str, list[tuple[PathParts, ErrorDetails]]]] = {}
    for error in errors:
        path, fork, branch = _clean(value, error)
        if fork is None:
            plain.append((path, error))
        else:
            unions.setdefault(fork, {}).setdefault(branch, []).append((path, error))
    for fork, branches in unions.items():
        best = min(branches.values(), key=lambda found, at=fork: (_wrong_at(found, at), len(found)))  # type: ignore[misc]
        plain += best
    return plain


def _wrong_at(found: list[tuple[PathParts, ErrorDetails]], fork: PathParts) -> bool:
    return any(path == fork and error["type"] in EXPECTED for path, error in found)


def _clean(value: Any, error: ErrorDetails) -> tuple[PathParts, PathParts | None, str]:
    """Drop from an error's location what is not a key or index of the value; the first drop is where a union forks."""
    path: list[str | int] = []
    fork: PathParts | None = None
    branch = ""
    loc = error["loc"]
    node: Any = value
    for number, part in enumerate(loc):
        last = number == len(loc) - 1
        if _has(node, part):
            path.append(part)
            node = node[part]
        elif last and error["type"] == "missing":
            path.append(part)
        elif fork is None:
            fork, branch = tuple(path), str(part)
    return tuple(path), fork, branch
