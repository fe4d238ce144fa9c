"""Reads the files of written guards: their errors at their places, expressions compiled, and the rules that come out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import BaseModel, ValidationError

from reconciler.core.diagnostic import Diagnostic, Mark, PathParts, Rule, dotted
from reconciler.core.guard_neutral import misfit
from reconciler.core.guard_rule import GuardCase, GuardRule
from reconciler.core.guard_view import FIELDS
from reconciler.loading.cel import ExpressionError, available, compile_expression, message_parts
from reconciler.loading.field_errors import FieldErrors, describe
from reconciler.loading.findings import Findings
from reconciler.loading.guard_model import CaseModel, GuardRulesFile, RuleModel
from reconciler.loading.guard_rules import EXPRESSION, GUARD_CODE, GUARD_FILE
from reconciler.loading.inside_scalar import position_inside
from reconciler.loading.project import Project
from reconciler.loading.suggest import did_you_mean
from reconciler.loading.yaml_document import Document

INSTALL: Final = "pip install 'reconciler[guards]'"
"""How to get the library that evaluates written guards."""


@dataclass(frozen=True, slots=True)
class GuardFiles:
    """The rules of a project, sorted by code, and what is wrong with their files."""

    rules: tuple[GuardRule, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()


def read_guard_files(documents: Sequence[Document], project: Project, kinds: Collection[str]) -> GuardFiles:
    """Take the rules out of the documents of guard files. A file with an error gives no rules."""
    findings = Findings()
    if documents and not available():
        findings.put(Diagnostic(GUARD_FILE, "written guards need the library cel, which is not installed", fix=INSTALL))
        return GuardFiles(diagnostics=findings.finish())
    rules: dict[str, GuardRule] = {}
    for document in documents:
        model = validated(GuardRulesFile, document, findings, GUARD_FILE, "guards")
        for index, rule in enumerate(model.spec.rules if model is not None else ()):
            path: PathParts = ("spec", "rules", index)
            made = _rule(rule, document, path)
            _check(made, document, path, findings, project, kinds)
            if (first := rules.get(made.code)) is not None:
                related = (("first here", first.marks["code"]),)
                findings.add(GUARD_CODE, f"{made.code} is there twice", document, (*path, "code"), related=related)
            rules.setdefault(made.code, made)
    return GuardFiles(tuple(rules[code] for code in sorted(rules)), findings.finish())


def validated(model: type[Any], document: Document, findings: Findings, rule: Rule, what: str) -> Any:
    """A document as a model says it should be; None, with findings, where it is not."""
    if not isinstance(document.value, dict):
        findings.add(rule, f"a file of {what} is a map; found {describe(document.value)}", document)
        return None
    assert issubclass(model, BaseModel)
    try:
        return model.model_validate(document.value)
    except ValidationError as error:
        reporter = FieldErrors(findings, document, model, document.value, (), rule=rule)
        reporter.report(error.errors(include_url=False))
        return None


def _rule(model: RuleModel, document: Document, path: PathParts) -> GuardRule:
    parts = ("code", "require", "when", "message")
    return GuardRule(
        model.code,
        model.require,
        model.message,
        model.scope,
        model.severity,
        model.when,
        model.title,
        model.explanation,
        model.fix,
        tuple(model.kinds),
        tuple(model.targets),
        model.timezone,
        tuple(_case(case, document, (*path, "cases", index)) for index, case in enumerate(model.cases)),
        {name: document.mark((*path, name)) for name in parts},
    )


def _case(model: CaseModel, document: Document, path: PathParts) -> GuardCase:
    sees: dict[str, Any] = {"stack": model.stack, "commit": model.commit}
    given = {"change": model.change, "plan": model.plan, "target": model.target}
    sees |= {name: value for name, value in given.items() if name in document_at(document, path)}
    now = datetime.fromisoformat(model.now) if model.now else None
    return GuardCase(model.name, model.expect, sees, now, model.message, document.mark(path))


def document_at(document: Document, path: PathParts) -> Any:
    """What a document holds at a path that exists."""
    value: Any = document.value
    for part in path:
        value = value[part]
    return value


def _check(
    rule: GuardRule, document: Document, path: PathParts, findings: Findings, project: Project, kinds: Collection[str]
) -> None:
    """Find what is wrong with a rule beyond its form: names that there are not, expressions that say nothing."""
    for field, names, known in (("kinds", rule.kinds, kinds), ("targets", rule.targets, project.targets)):
        for index, name in enumerate(names):
            if name not in known:
                fix = did_you_mean(name, known, what=field)
                findings.add(GUARD_FILE, f"there is no {field[:-1]} {name}", document, (*path, field, index), fix=fix)
    if rule.scope == "plan" and rule.kinds:
        fix = "`plan.kinds` has the counts of each kind"
        findings.add(GUARD_FILE, "a rule over the plan has no kinds", document, (*path, "kinds"), key=True, fix=fix)
    texts = {"when": rule.when, "require": rule.require} if rule.when else {"require": rule.require}
    read: set[str] = set()
    for name, text in texts.items():
        try:
            read |= compile_expression(text, rule.scope).reads.keys()
        except ExpressionError as error:
            _report(findings, document, (*path, name), error)
    _check_message(rule, document, (*path, "message"), findings)
    for index, case in enumerate(rule.cases):
        place = (*path, "cases", index)
        _check_case(rule, case, document, place, findings)
        if case.now is None and not read.isdisjoint(("now", "local")):
            fix = "give it `now`, such as 2026-03-27T18:00:00+01:00"
            findings.add(GUARD_FILE, "the rule reads the time, and the case has none", document, place, fix=fix)


def _check_message(rule: GuardRule, document: Document, path: PathParts, findings: Findings) -> None:
    try:
        for expression, text, begin in message_parts(rule.message):
            if expression:
                try:
                    compile_expression(text, rule.scope)
                except ExpressionError as error:
                    line = error.line + rule.message[:begin].count("\n")
                    column = error.column + (begin - (rule.message[:begin].rfind("\n") + 1) if error.line == 1 else 0)
                    raise ExpressionError(error.message, line, column, fix=error.fix) from error
    except ExpressionError as error:
        _report(findings, document, path, error)


def _check_case(rule: GuardRule, case: GuardCase, document: Document, path: PathParts, findings: Findings) -> None:
    other = "plan" if rule.scope == "change" else "change"
    if other in case.sees:
        findings.add(
            GUARD_FILE, f"the rule is over {rule.scope}s, and sees no {other}", document, (*path, other), key=True
        )
    for name, value in case.sees.get(rule.scope, {}).items():
        place = (*path, rule.scope, name)
        if name not in FIELDS[rule.scope]:
            fix = did_you_mean(name, FIELDS[rule.scope])
            findings.add(GUARD_FILE, f"`{rule.scope}` has no field `{name}`", document, place, key=True, fix=fix)
        elif wanted := misfit(FIELDS[rule.scope][name], value):
            findings.add(GUARD_FILE, f"`{rule.scope}.{name}` is a {wanted}, not {describe(value)}", document, place)
    if rule.scope == "change" and case.expect != "pass" and "change" not in case.sees:
        findings.add(GUARD_FILE, "the case says nothing of `change`", document, path)


def _report(findings: Findings, document: Document, path: PathParts, error: ExpressionError) -> None:
    mark = place_inside(document, path, error.line, error.column)
    findings.put(Diagnostic(EXPRESSION, error.message, mark, dotted(path), error.fix), document)


def place_inside(document: Document, path: PathParts, line: int, column: int) -> Mark:
    """Where a line and column of a text stand in its file; else where the text begins."""
    mark, source = document.mark(path), document.source
    text: Any = document.value
    for part in path:
        text = text[part]
    before = sum(len(row) + 1 for row in text.split("\n")[: line - 1]) + column - 1
    found = position_inside(source.text, source.starts[mark.line - 1] + mark.column - 1, text, before)
    return mark if found is None else source.place(found)
