"""``reconciler explain``: the documentation of kinds, fields and codes, from what validates and raises them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules
from textwrap import wrap
from typing import TYPE_CHECKING

import click

from reconciler import errors
from reconciler.cli import completion
from reconciler.cli.advice import ADVICE
from reconciler.cli.common import Settings, document, standard_options
from reconciler.core.diagnostic import Rule
from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.core.kind import Kind, Kinds
    from reconciler.kinds.schema import FieldDoc

_WIDTH = 100


@click.command(
    epilog="""\b
Examples:
  reconciler explain                              all kinds and codes
  reconciler explain Connector                    a kind and its fields
  reconciler explain Connector.mappings.direction one field, down to any depth
  reconciler explain Connector.metadata           what all kinds have in common
  reconciler explain M402                         an error, a rule or a guard
"""
)
@click.argument("topic", shell_complete=completion.topics, metavar="[KIND[.FIELD] | CODE]", required=False)
@standard_options(target=False)
def command(settings: Settings, topic: str | None) -> None:
    """Explain a kind, a field, or the code of an error or guard."""
    width = min(settings.width or _WIDTH, _WIDTH)
    written = _written(settings, topic, width) if topic is not None and topic.startswith("P-") else None
    document("\n".join(written or explain(topic or "", width)))


def _written(settings: Settings, code: str, width: int) -> list[str] | None:
    """The lines about a guard that the project wrote itself; None where it wrote none of that code."""
    from reconciler.engine.guard_sources import load_guards

    _, guards = load_guards(settings.directory)
    rule = next((item for item in guards.rules if item.code == code), None)
    if rule is None:
        return None
    about = [rule.explanation or rule.message, f"It is written at {rule.marks['code']}, with {len(rule.cases)} cases."]
    lines = _rule(Rule(code, rule.title or "a guard of this project", about[0]), width)
    expressions = [f"  when     {rule.when}"] if rule.when else []
    return [*lines, "", *expressions, f"  require  {rule.require}".rstrip(), "", *wrap(about[1], width)]


def explain(topic: str, width: int = _WIDTH) -> list[str]:
    """The lines that explain a topic; raises `UsageError` with the nearest topic where there is none of that name."""
    from reconciler.kinds import load_kinds
    from reconciler.loading.suggest import did_you_mean

    rules, kinds = all_rules(), {**load_kinds(), **other_documents()}
    if not topic:
        return _overview(kinds, rules, width)
    if topic.upper() in rules:
        return _rule(rules[topic.upper()], width)
    head, _, path = topic.partition(".")
    kind = next((item for name, item in kinds.items() if name.casefold() == head.casefold()), None)
    if kind is None:
        fix = did_you_mean(head, [*kinds, *rules]) or "`reconciler explain` alone lists everything"
        raise UsageError(f"there is nothing to explain about {topic!r}", fix=fix)
    return _field(kind, path, width) if path else _kind(kind, width)


def other_documents() -> dict[str, Kind]:
    """What is written in YAML and is no manifest, as kinds without a tenant: the project file, and files of guards."""
    from reconciler.core.kind import Kind
    from reconciler.loading.acknowledgement_model import EntriesModel
    from reconciler.loading.guard_model import RulesModel
    from reconciler.loading.project_model import SpecModel

    return {
        name: Kind(name=name, kind_class="fragment", spec=model, summary=summary)
        for name, model, summary in (
            ("Project", SpecModel, "The project file, reconciler.yaml: targets, guards, where manifests are."),
            ("GuardRules", RulesModel, "Guards that the project writes itself, with cases that try them."),
            ("Acknowledgements", EntriesModel, "What guards refuse and a review has accepted, until when and why."),
        )
    }


def all_rules() -> dict[str, Rule]:
    """Everything with a code, by code: the errors, the rules of validation, the guards."""
    found = [_error_rule(item) for item in _error_classes(errors.ReconcilerError)]
    loading = import_module("reconciler.loading")
    for module in iter_modules(loading.__path__, "reconciler.loading."):
        if module.name.endswith("rules"):
            found += import_module(module.name).RULES
    found += import_module("reconciler.core.guard").GUARDS
    rules: dict[str, Rule] = {}
    for rule in found:
        # A class and its subclass may share a code; the first, more general one, speaks for it.
        rules.setdefault(rule.code, rule)
    return dict(sorted(rules.items()))


def _error_classes(root: type[errors.ReconcilerError]) -> Iterator[type[errors.ReconcilerError]]:
    for item in root.__subclasses__():
        if item.__module__.startswith(f"{errors.__name__}."):
            yield item
            yield from _error_classes(item)


def _error_rule(item: type[errors.ReconcilerError]) -> Rule:
    words = "".join(f" {char.lower()}" if char.isupper() else char for char in item.__name__).strip()
    text = " ".join((item.__doc__ or "").partition("\n\n")[0].split())  # the rest is for who catches it
    return Rule(item.code, words, text.replace("``", "`"))


def _overview(kinds: Kinds, rules: dict[str, Rule], width: int) -> list[str]:
    lines = ["Kinds", ""]
    lines += [f"  {name:<15} {kind.summary}" for name, kind in kinds.items()]
    lines += ["", "Codes", ""]
    for code, rule in rules.items():
        lines += _hanging(f"  {code}  ", rule.title, width)
    return [*lines, "", "More: reconciler explain KIND, KIND.field or CODE"]


def _rule(rule: Rule, width: int) -> list[str]:
    parts = [rule.explanation, *([ADVICE[rule.code]] if rule.code in ADVICE else [])]
    lines = [f"{rule.code}: {rule.title}"]
    for part in parts:
        lines += ["", *wrap(part, width, break_on_hyphens=False)]
    return lines


def _kind(kind: Kind, width: int) -> list[str]:
    from reconciler.kinds.schema import fields_of
    from reconciler.kinds.schema.page import CLASSES, facts

    lines = [f"{kind.name}: {kind.summary}", ""]
    beside = kind.name in other_documents()
    if not beside:
        lines += [*wrap(CLASSES[kind.kind_class], width), ""]
        for what, how in facts(kind):
            lines += _hanging(f"  {what}: ", how, width)
        lines.append("")
    lines += ["Fields (* is required)", "", *_tree(fields_of(kind), width)]
    starter = "" if beside else f"    A starter: reconciler new {kind.name} NAME"
    return [*lines, "", f"A field: reconciler explain {kind.name}.FIELD{starter}"]


def _tree(items: Sequence[FieldDoc], width: int) -> list[str]:
    lines: list[str] = []
    form = ""
    for item in items:
        indent = "  " * (item.depth + 1)
        if item.form and item.form != form:
            lines.append(f"{indent}({item.form})")
        form = item.form
        star = "*" if item.required else ""
        lines.append(f"{indent}{item.plain_path.rpartition('.')[2]}{star}: {item.type}{_default(item)}")
        lines += wrap(
            item.description,
            width,
            initial_indent=f"{indent}    ",
            subsequent_indent=f"{indent}    ",
            break_on_hyphens=False,
        )
    return lines


def _default(item: FieldDoc) -> str:
    from reconciler.kinds.schema.page import shown

    text = shown(item.default)
    return f" (default {text})" if text else ""


def _field(kind: Kind, path: str, width: int) -> list[str]:
    """The lines about one field: each form of it, and the fields below it."""
    from reconciler.loading.suggest import did_you_mean

    items, wanted, prefix = _scope(kind, path)
    if not wanted:
        return [f"{kind.name}.{prefix}", "", *_tree(items, width)]
    found = [item for item in items if item.plain_path == wanted]
    if not found:
        fix = did_you_mean(wanted, {item.plain_path for item in items})
        raise UsageError(f"{kind.name} has no field {path!r}", fix=fix or f"see `reconciler explain {kind.name}`")
    lines: list[str] = []
    for item in found:
        lines += [*_about(kind, item, prefix, width), ""]
    below = [item for item in items if item.plain_path.startswith(f"{wanted}.")]
    return [*lines, "Fields (* is required)", "", *_tree(below, width)] if below else lines[:-1]


def _scope(kind: Kind, path: str) -> tuple[list[FieldDoc], str, str]:
    """The fields that a path is looked for among, the path inside them, and what stands before it."""
    from reconciler.kinds.schema import fields_of, metadata_fields

    plain = ".".join(part.partition("[")[0] for part in path.split(".") if part not in ("*", ""))
    head, _, rest = plain.partition(".")
    if head == "metadata":
        return metadata_fields(), rest, "metadata"
    if head == "spec":
        return fields_of(kind), rest, "spec"
    return fields_of(kind), plain, "spec"


def _about(kind: Kind, item: FieldDoc, prefix: str, width: int) -> list[str]:
    from reconciler.core.values import ABSENT
    from reconciler.kinds.schema.starter import yaml_lines

    lines = [f"{kind.name}.{prefix}.{item.path}{f' ({item.form})' if item.form else ''}", ""]
    lines += [f"  type      {item.type}", f"  required  {'yes' if item.required else 'no'}"]
    if default := _default(item):
        lines.append(f"  default   {default.removeprefix(' (default ').removesuffix(')')}")
    lines += ["", *wrap(item.description, width, break_on_hyphens=False)]
    if item.example is not ABSENT:
        name = item.plain_path.rpartition(".")[2]
        lines += ["", "Example", "", *yaml_lines({name: item.example}, "  ")]
    return lines


def _hanging(label: str, text: str, width: int) -> list[str]:
    return wrap(text, width, initial_indent=label, subsequent_indent=" " * len(label), break_on_hyphens=False)
