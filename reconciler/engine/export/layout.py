"""The order in which a spec's fields are written: that of the kind's own description, whatever order the API answers in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.core.kind import Kind
from reconciler.core.values import Tree


@dataclass(frozen=True, slots=True)
class Form:
    """Which keys a map has, in order; ``fields`` describes the values of some, ``each`` those of all others or of a list's items."""

    names: tuple[str, ...] = ()
    fields: Mapping[str, Form] = field(default_factory=dict)
    each: Form | None = None

    def arrange(self, value: Any) -> Any:
        """A value with its keys in order; what is not described keeps the order that it has."""
        if isinstance(value, dict):
            known = [name for name in self.names if name in value]
            others = [name for name in value if name not in self.names] if len(known) < len(value) else ()
            return {name: self._below(name, value[name]) for name in (*known, *others)}
        if isinstance(value, list) and self.each is not None:
            return [self.each.arrange(item) for item in value]
        return value

    def _below(self, name: str, value: Any) -> Any:
        form = self.fields.get(name, self.each)
        return value if form is None or not isinstance(value, (dict, list)) else form.arrange(value)


def form_of(kind: Kind) -> Form:
    """The form of a kind's spec; making it takes a while, so that it is made once for all resources of a kind."""
    from reconciler.kinds.schema.plain import model_schema

    schema = model_schema(kind.spec)
    return _read(schema, schema)


def _read(node: Tree, root: Tree) -> Form:
    options = [node, *node.get("anyOf", ())]
    for option in options:
        reference = option.get("$ref", "")
        if reference.startswith("#/$defs/"):
            options.append(root["$defs"][reference.removeprefix("#/$defs/")])
    for option in options:
        if "properties" in option:
            fields = {name: _read(item, root) for name, item in option["properties"].items()}
            return Form(tuple(fields), {name: form for name, form in fields.items() if form != Form()})
        patterns = list(option.get("patternProperties", {}).values())
        for below in (option.get("items"), option.get("additionalProperties"), *patterns):
            if isinstance(below, dict) and below:
                return Form(each=_read(below, root))
    return Form()
