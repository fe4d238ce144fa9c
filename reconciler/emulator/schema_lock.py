"""What may still change about the columns of a populated Dataset or DataExtension (contract: Resources). Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.emulator.errors import Problem
from reconciler.emulator.fields import Doc


def _is_narrower(before: int | None, after: int | None) -> bool:
    """Compare limits in characters; None is no limit."""
    return after is not None and (before is None or after < before)


def locked_changes(before: Mapping[str, Doc], after: Mapping[str, Doc], path: str) -> list[Problem]:
    """Give a problem for each column whose change a populated resource refuses.

    Only new nullable columns and wider limits are let through; a column's description is not part of the schema.
    """
    problems: list[Problem] = []
    for name, column in before.items():
        where = f"{path}.{name}"
        changed = after.get(name)
        if changed is None:
            problems.append(Problem(where, "can't be dropped while there are records"))
        elif changed["type"] != column["type"]:
            problems.append(Problem(where, f"can't change from {column['type']} to {changed['type']}"))
        elif changed["nullable"] != column["nullable"]:
            problems.append(Problem(where, "can't change nullable while there are records"))
        elif _is_narrower(column.get("maxLength"), changed.get("maxLength")):
            problems.append(Problem(where, "maxLength can't become smaller while there are records"))
    problems.extend(
        Problem(f"{path}.{name}", "a new column must be nullable while there are records")
        for name, column in after.items()
        if name not in before and not column["nullable"]
    )
    return problems
