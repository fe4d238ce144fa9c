"""Classes of schema change: what a new version of a table's columns means for the records that are already there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from reconciler.core.compare import same
from reconciler.core.kind import SchemaField
from reconciler.core.values import Tree


@dataclass(frozen=True, slots=True)
class SchemaEffect:
    """What one column's change does: ``compatible`` keeps every record valid, ``breaking`` does not."""

    effect: Literal["compatible", "breaking"]
    column: str
    message: str


def classify(table: SchemaField, live: Tree, desired: Tree) -> tuple[SchemaEffect, ...]:
    """Compare two versions of a table's columns; only declared parts of ``desired`` count."""
    effects: list[SchemaEffect] = []
    if table.primary_key and table.primary_key in desired:
        old, new = live.get(table.primary_key), desired[table.primary_key]
        if not same(old, new):
            effects.append(SchemaEffect("breaking", str(new), f"primary key changes from {old} to {new}"))
    if table.columns not in desired:
        return tuple(effects)
    before, after = _columns(live.get(table.columns)), _columns(desired[table.columns])
    for name in sorted({*before, *after}):
        effects += _column(name, before.get(name), after.get(name))
    return tuple(effects)


def _columns(value: Any) -> dict[str, Tree]:
    """Columns by name, from a map or from a list of items with a name."""
    if isinstance(value, list):
        return {item["name"]: item for item in value if isinstance(item, dict) and isinstance(item.get("name"), str)}
    if isinstance(value, dict):
        return {name: item for name, item in value.items() if isinstance(item, dict)}
    return {}


def _column(name: str, before: Tree | None, after: Tree | None) -> list[SchemaEffect]:
    if after is None:
        return [SchemaEffect("breaking", name, "column is dropped")]
    if before is None:
        if after.get("nullable", True):
            return [SchemaEffect("compatible", name, "new nullable column")]
        return [SchemaEffect("breaking", name, "new column that must not be null")]
    effects = []
    if before.get("type") != after.get("type"):
        effects.append(SchemaEffect("breaking", name, f"type changes from {before.get('type')} to {after.get('type')}"))
    if before.get("nullable", True) != after.get("nullable", True):
        wider = bool(after.get("nullable", True))
        text = "may now be null" if wider else "must no longer be null"
        # The API refuses both while there are records (contract: Dataset), so neither is called compatible.
        effects.append(SchemaEffect("breaking", name, text))
    return effects + _limit(name, before.get("maxLength"), after.get("maxLength"))


def _limit(name: str, before: int | None, after: int | None) -> list[SchemaEffect]:
    if before == after:
        return []
    if after is None or (before is not None and after > before):
        return [SchemaEffect("compatible", name, f"limit grows from {before} to {after or 'none'}")]
    return [SchemaEffect("breaking", name, f"limit shrinks from {before or 'none'} to {after}")]
